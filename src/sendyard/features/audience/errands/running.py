"""
Running errands: each asks a provider something, outside every transaction, and is repeated until it has an answer.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.redaction import redact
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.errors import AppError, Conflict, ErrorKind, ProviderError
from sendyard.features.audience.contacts import queries as contact_queries
from sendyard.features.audience.contacts.details import LONGEST_NAME
from sendyard.features.audience.contacts.rows import Identity
from sendyard.features.audience.contacts.showing import documents
from sendyard.features.audience.contacts.store import show, survivor
from sendyard.features.audience.errands import queries
from sendyard.features.audience.errands.asking import (
    CAME_BACK,
    CONTACT,
    OPT_OUT,
    OPT_OUT_NUMBER,
    PROFILE,
    REFUSED,
)
from sendyard.features.audience.errands.queries import ErrandRow
from sendyard.providers.abilities import (
    ContactPush,
    OptOutNumber,
    OptOutRegistration,
    OptOutTelling,
    Profile,
    ProfileLookup,
)
from sendyard.providers.contract import ProtocolError
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

KINDS = (PROFILE, CONTACT, OPT_OUT_NUMBER, OPT_OUT)
STATES = ("waiting", "done", "refused")
_DELAYS_MS = (15_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 43_200_000)  # before it is tried again
_HELD_MS = 120_000  # longer than any exchange may take
_AT_ONCE = 20
_NOT_YET_MS = 5_000  # the contact of somebody who has just written is made a little later
_PASSING = frozenset({ErrorKind.THROTTLED, ErrorKind.UNAVAILABLE})
_REACHED = {kind.value: kind for kind in AddressKind}

Documents: TypeAlias = list[dict[str, Any]]
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Came:
    """What came of one try; `state` waiting means: again."""

    state: str
    result: str = ""
    error: str = ""
    wait_ms: int | None = None  # None: by the number of tries


class Errands:
    """What the providers of every workspace are asked and told."""

    def __init__(self, database: Database, directory: Directory, transport: Transport, tokens: Tokens) -> None:
        """Take where rows are, the accounts, and the way to providers with its tokens."""
        self._database = database
        self._directory = directory
        self._transport = transport
        self._tokens = tokens

    async def push_contact(self, workspace_id: str, contact_id: str, *, account: str) -> dict[str, Any]:
        """
        Bring a contact to a provider that keeps contacts of its own; tried at once, and again while it is away.

        Raises:
            NotFound: there is no such contact or account.
            Conflict: the provider takes no contacts, or the person has no address it could know them by.
        """
        entry = self._entry(workspace_id, account, ContactPush, "takes no contacts; it makes them by itself or never")
        moment = now_ms()

        def ask(tx: Transaction) -> ErrandRow:
            contact = show(tx, workspace_id, survivor(tx, workspace_id, contact_id))
            document = _encode(self._contact(contact)).decode()
            return queries.ask_again(
                tx, workspace_id, entry.id, CONTACT, contact["id"], document, now=moment, until=moment + _HELD_MS
            )

        return await self._at_once(await self._database.write(ask))

    async def register_opt_out_number(
        self, workspace_id: str, *, account: str, number: str = "", code: str = ""
    ) -> dict[str, Any]:
        """
        Tell a provider the free number under which people refuse advertising; without one, the workspace's own.

        Raises:
            NotFound: there is no such account.
            Conflict: the provider keeps no such number, or the workspace has none.
        """
        entry = self._entry(workspace_id, account, OptOutRegistration, "keeps no opt-out number")
        wanted = number or self._directory.facts(workspace_id).opt_out_number
        if not wanted:
            detail = "There is no opt-out number; give one, or tell the workspace's with `sendyard compliance set`."
            raise Conflict("no_opt_out_number", detail)
        moment, document = now_ms(), _encode({"number": wanted, "code": code}).decode()
        row = await self._database.write(
            lambda tx: queries.ask_again(
                tx, workspace_id, entry.id, OPT_OUT_NUMBER, "", document, now=moment, until=moment + _HELD_MS
            )
        )
        return await self._at_once(row)

    async def list(
        self, workspace_id: str, *, kind: str = "", subject: str = "", state: str = "", after: str = "",
        limit: int = 100,
    ) -> Documents:  # fmt: skip
        """Give errands in the order they were first asked for, after the id `after`."""
        rows = await self._database.read(
            lambda tx: queries.errands(
                tx, workspace_id, kind=kind, subject=subject, state=state, after=after, limit=limit
            )
        )
        return [self._shown(row) for row in rows]

    async def round(self) -> int:
        """Run what is due, some at a time; gives how many that were."""
        moment = now_ms()
        # A look on a reading connection first: nearly always there is nothing.
        if not await self._database.read(lambda tx: queries.has_due(tx, now=moment)):
            return 0
        taken = await self._database.write(
            lambda tx: queries.take_due(tx, now=moment, until=moment + _HELD_MS, limit=_AT_ONCE)
        )
        for row in taken:
            await self._run(row)
        return len(taken)

    async def _at_once(self, row: ErrandRow) -> dict[str, Any]:
        await self._run(row)
        settled = await self._database.read(lambda tx: queries.errand(tx, row.workspace_id, row.id))
        return self._shown(settled or row)

    async def _run(self, row: ErrandRow) -> None:
        came = await self._try(row)
        moment = now_ms()
        if came.state == "waiting" and came.wait_ms is None and row.tries >= len(_DELAYS_MS):
            came = _Came("refused", error=f"{came.error} It was tried {row.tries + 1} times.")
        wait = came.wait_ms if came.wait_ms is not None else _DELAYS_MS[min(row.tries, len(_DELAYS_MS) - 1)]
        await self._database.write(
            lambda tx: queries.settle(
                tx, row, state=came.state, result=came.result, error=came.error, next_at=moment + wait, now=moment
            )
        )

    async def _try(self, row: ErrandRow) -> _Came:
        entry = self._directory.account(row.account_id)
        if entry is None or entry.unreadable:
            return _Came("refused", error="The account is gone or its credentials cannot be opened.")
        try:
            return await self._ask(entry, row, json.loads(row.document))
        except AppError as error:
            return _Came("refused", error=error.detail)
        except (NotSent, Lost, ProtocolError) as error:
            said = redact(str(error), entry.secrets)
            return _Came("waiting", error=f"{entry.adapter.spec.name} gave no usable answer: {said}.")

    async def _ask(self, entry: AccountEntry, row: ErrandRow, document: Mapping[str, Any]) -> _Came:
        adapter, timeout = entry.adapter, entry.adapter.spec.timeout
        match row.kind:
            case "profile" if isinstance(adapter, ProfileLookup):
                person = Address(_REACHED[document["kind"]], document["value"])
                if known := await self._known(row, person):
                    return known
                request = adapter.build_profile(await self._tokens.call(entry), person)
                profile = adapter.parse_profile(await self._transport.exchange(request, timeout))
                return (
                    _refused(entry, profile)
                    if isinstance(profile, ProviderError)
                    else await self._named(row, person, profile)
                )
            case "contact" if isinstance(adapter, ContactPush):
                person = Address(_REACHED[document["kind"]], document["value"])
                fields = dict(document["fields"])
                if row.result and adapter.updates_by_id:
                    fields["id"] = row.result
                request = adapter.build_contact(await self._tokens.call(entry), person, document["name"], fields)
                made = adapter.parse_contact(await self._transport.exchange(request, timeout))
                return _refused(entry, made) if isinstance(made, ProviderError) else _Came("done", made)
            case "opt_out_number" if isinstance(adapter, OptOutRegistration):
                wanted = OptOutNumber(document["number"], document["code"])
                request = adapter.build_opt_out(await self._tokens.call(entry), wanted)
                error = adapter.parse_opt_out(await self._transport.exchange(request, timeout))
                return _refused(entry, error) if error else _Came("done", wanted.number)
            case "opt_out" if isinstance(adapter, OptOutTelling):
                person, refuses = Address(_REACHED[document["kind"]], document["value"]), document["refuses"]
                request = adapter.build_telling(await self._tokens.call(entry), person, refuses=refuses)
                error = adapter.parse_telling(await self._transport.exchange(request, timeout))
                return _refused(entry, error) if error else _Came("done", REFUSED if refuses else CAME_BACK)
        return _Came("refused", error=f"{adapter.spec.name} cannot do this any more.")

    async def _known(self, row: ErrandRow, person: Address) -> _Came | None:
        """What makes the question needless, or too early: the contact has a name, or is not there yet."""
        contact = await self._database.read(lambda tx: _holder(tx, row.workspace_id, person))
        if contact is None:
            if now_ms() - row.created_at < 60 * _NOT_YET_MS:
                return _Came("waiting", error="The contact is not there yet.", wait_ms=_NOT_YET_MS)
            return _Came("refused", error="Nobody has this address.")
        return _Came("done", contact["name"]) if contact["name"] else None

    async def _named(self, row: ErrandRow, person: Address, profile: Profile) -> _Came:
        name = " ".join(profile.name.replace("\0", "").split())[:LONGEST_NAME]

        def work(tx: Transaction) -> None:
            change = contact_queries.begin_change(tx, row.workspace_id)
            if contact := _holder(tx, row.workspace_id, person):
                contact_queries.fill_blank(tx, row.workspace_id, change, contact["number"], "name", name, now=now_ms())

        if name:
            await self._database.write(work)
        return _Came("done", name or "(no name)")

    def _entry(self, workspace_id: str, account: str, ability: type, lacks: str) -> AccountEntry:
        entry = self._directory.require(workspace_id, account)
        if entry.unreadable:
            raise Conflict("unreadable_credentials", entry.pause_reason)
        if not isinstance(entry.adapter, ability):
            raise Conflict("not_supported", f"{entry.adapter.spec.name} {lacks}.")
        return entry

    def _contact(self, contact: Mapping[str, Any]) -> dict[str, Any]:
        """What a provider is told of a contact. Raises Conflict."""
        identities: Sequence[Mapping[str, str]] = contact["identities"]
        reached = sorted((one for one in identities if one["kind"] in _REACHED), key=lambda one: one["kind"] != "phone")
        if not reached:
            raise Conflict(
                "no_address", "This person has no phone number and no id of WhatsApp or LINE to be known by."
            )
        fields = {code: _plain(value) for code, value in contact["fields"].items() if value is not None}
        if email := next((one["value"] for one in identities if one["kind"] == "email"), ""):
            fields.setdefault("email", email)
        return {"kind": reached[0]["kind"], "value": reached[0]["value"], "name": contact["name"], "fields": fields}

    def _shown(self, row: ErrandRow) -> dict[str, Any]:
        entry = self._directory.account(row.account_id)
        return {
            "id": row.id,
            "account": entry.name if entry else row.account_id,
            "kind": row.kind,
            "subject": row.subject,
            "state": row.state,
            "result": row.result,
            "error": row.error,
            "tries": row.tries,
            "next_try_at": row.next_at if row.state == "waiting" else None,
            "created_at": row.created_at,
            "settled_at": row.settled_at,
        }


def _holder(tx: Transaction, workspace_id: str, person: Address) -> dict[str, Any] | None:
    identity = Identity(person.kind.value, person.value)
    found = contact_queries.holders(tx, workspace_id, [identity]).get(identity)
    rows = [] if found is None else contact_queries.contacts_by_number(tx, workspace_id, [found])
    return documents(tx, workspace_id, rows)[0] if rows else None


def _refused(entry: AccountEntry, error: ProviderError) -> _Came:
    words = redact(error.detail or error.kind.value, entry.secrets)
    said = f"{entry.adapter.spec.name} refused: {words} (code {error.code})."
    if error.kind not in _PASSING:
        return _Came("refused", error=said)
    wait = None if error.retry_after is None else int(error.retry_after * 1000)
    return _Came("waiting", error=said, wait_ms=wait)


def _plain(value: object) -> str:
    if isinstance(value, Mapping):  # an amount of money
        return " ".join(str(part) for part in value.values())
    return str(value)
