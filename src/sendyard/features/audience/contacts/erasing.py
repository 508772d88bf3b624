"""
Everything that is kept of one person, as a file; and forgetting it.

Erasing leaves what must be counted: messages with their states, costs and times, under a pseudonym that leads nowhere.
What the person had forbidden is kept under a keyed hash of each address, and stops whoever writes there again.
"""

import secrets
from typing import Any

from sendyard.features.audience import queries as audience_queries
from sendyard.features.audience.contacts import queries
from sendyard.features.audience.contacts.queries import begin_change
from sendyard.features.audience.contacts.rows import EMAIL, EXTERNAL
from sendyard.features.audience.contacts.store import require, show
from sendyard.features.audience.errands import queries as errand_queries
from sendyard.features.audience.opt_outs import queries as list_queries
from sendyard.features.audience.opting import queries as opting_queries
from sendyard.ledger.erasing import erase_address, inbound_from, messages_to
from sendyard.storage.address_keys import AddressKeys
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

_MOST_CONSENTS = 10_000


class Erasing:
    """Exports and erases single people."""

    def __init__(self, database: Database, keys: AddressKeys) -> None:
        """Take where rows are, and what hashes addresses."""
        self._database = database
        self._keys = keys

    async def export(self, workspace_id: str, contact_id: str) -> dict[str, Any]:
        """
        Give everything that is kept of a person, as one document of plain values.

        Returns:
            `{contact, history, messages, inbound, suppressions, consents}`; texts as they were sent.

        Raises:
            NotFound: there is no such person.
        """

        def read(tx: Transaction) -> dict[str, Any]:
            contact = show(tx, workspace_id, contact_id)
            addresses = [one["value"] for one in contact["identities"]]
            suppressions, consents = [], []
            for address in addresses:
                suppressions += audience_queries.suppressions(tx, workspace_id, address=address, after="", limit=1000)
                consents += audience_queries.consents(tx, workspace_id, address=address, after="", limit=_MOST_CONSENTS)
            return {
                "contact": contact,
                "history": [
                    {"kind": row.kind, "at": row.at} for row in queries.history(tx, workspace_id, contact_id)
                ],
                "messages": messages_to(tx, workspace_id, addresses),
                "inbound": inbound_from(tx, workspace_id, addresses),
                "suppressions": [
                    dict(zip(("id", "address", "channel", "purpose", "reason", "source", "evidence", "created_at"), row,
                             strict=False)) for row in suppressions
                ],
                "consents": [row._asdict() for row in consents],
            }  # fmt: skip

        return await self._database.read(read)

    async def erase(self, workspace_id: str, contact_id: str) -> dict[str, Any]:
        """
        Forget a person; messages that have not left are cancelled.

        Returns:
            `{id, messages, suppressions}`: how many messages stay under a pseudonym, and what stays forbidden.

        Raises:
            NotFound: there is no such person.
        """
        moment = now_ms()

        def forget(tx: Transaction) -> dict[str, Any]:
            change = begin_change(tx, workspace_id)
            row = require(tx, workspace_id, contact_id)
            identities = queries.identities_of(tx, workspace_id, [row["no"]]).get(row["no"], [])
            messages = kept = 0
            for identity in identities:
                # Random, so that not even we can tell who it was; equal for all messages of one address.
                pseudonym = f"erased-{secrets.token_hex(12)}"
                if identity.kind not in {EMAIL, EXTERNAL}:
                    sent = erase_address(tx, workspace_id, identity.value, pseudonym, now=moment)
                    queries.erase_recipients(tx, workspace_id, identity.value, pseudonym, sent, now=moment)
                    messages += len(sent)
                if stops := audience_queries.forget_suppressions(tx, workspace_id, identity.value):
                    digest = self._keys.digest(tx, workspace_id, identity.value)
                    audience_queries.keep_erased(tx, workspace_id, digest, stops, now=moment)
                    kept += len(stops)
                audience_queries.rename_consents(tx, workspace_id, identity.value, pseudonym)
                opting_queries.erase(tx, workspace_id, identity.value, pseudonym)
                errand_queries.erase(tx, workspace_id, identity.value)
            errand_queries.erase(tx, workspace_id, contact_id)
            list_queries.erase(tx, workspace_id, [identity.value for identity in identities])
            queries.remove_identities(tx, workspace_id, identities)
            audience_queries.forget_lifted_addresses(tx, workspace_id, [identity.value for identity in identities])
            queries.forget_import_changes(tx, workspace_id, row["no"])
            queries.forget_merges(tx, workspace_id, contact_id)
            queries.blank_contacts(tx, workspace_id, change, [row["no"]], now=moment)
            queries.add_history(tx, workspace_id, contact_id, "erased", "", now=moment)
            return {"id": contact_id, "messages": messages, "suppressions": kept}

        return await self._database.write(forget)

    async def rotate_keys(self) -> int:
        """Seal the keys of the hashes with the newest key of the ring; gives how many. Raises Invalid."""
        return await self._database.write(self._keys.rotate)
