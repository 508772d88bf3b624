"""
Routes: which accounts carry what, in which order, and why a message would go where.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from sendyard.delivery.directory import Directory, RouteEntry
from sendyard.delivery.routing import decide, describe
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import FieldError, Invalid, NotFound
from sendyard.domain.phone import parse_phone
from sendyard.features.connections import queries
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id

_COUNTRY = re.compile(r"([A-Z]{2})?")


class Routes:
    """Routes of every workspace."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are and the directory to keep in step."""
        self._database = database
        self._directory = directory

    def list(self, workspace_id: str) -> list[dict[str, Any]]:
        """Give every route, oldest first."""
        return [self._document(route) for route in self._directory.routes(workspace_id)]

    async def set(
        self,
        workspace_id: str,
        *,
        channel: Channel,
        accounts: Sequence[str],
        country: str = "",
        purpose: Purpose | None = None,
        failover: bool | None = None,
    ) -> dict[str, Any]:
        """
        Say which accounts carry a channel (to a country, for a purpose), first choice first; replaces what was said.

        Messages accepted before keep the accounts they were given.

        Args:
            workspace_id: whose route it is.
            channel: what is carried.
            accounts: ids or names, at least one.
            country: ISO 3166 code; "" for any.
            purpose: None for any.
            failover: None lets the purpose decide: promotional no, the others yes.

        Raises:
            Invalid: an account does not exist, or its provider lacks the channel or country.
        """
        place = country.strip().upper()
        errors: list[FieldError] = []
        if not _COUNTRY.fullmatch(place):
            detail = f"Expected a country code of two letters such as TW, or nothing for any, found {country!r}."
            errors.append(FieldError("/country", "bad_country", detail))
            place = ""
        if not accounts:
            errors.append(FieldError("/accounts", "empty", "Expected at least one account, found none."))
        ids: list[str] = []
        for position, given in enumerate(accounts):
            problem, account_id = self._judge(workspace_id, given, channel, place)
            if problem:
                errors.append(FieldError(f"/accounts/{position}", problem[0], problem[1]))
            elif account_id in ids:
                detail = f"{given} is listed twice; once is enough."
                errors.append(FieldError(f"/accounts/{position}", "listed_twice", detail))
            ids.append(account_id)
        if errors:
            raise Invalid("bad_route", errors[0].detail, errors=errors)
        why = purpose.value if purpose else ""
        await self._database.write(
            lambda tx: queries.set_route(
                tx,
                workspace_id,
                route_id=new_id(),
                channel=channel.value,
                country=place,
                purpose=why,
                accounts=json.dumps(ids),
                failover=failover,
            )
        )
        await self._directory.refresh()
        return next(
            self._document(route)
            for route in self._directory.routes(workspace_id)
            if (route.channel, route.country, route.purpose) == (channel, place, purpose)
        )

    async def delete(self, workspace_id: str, route_id: str) -> None:
        """Remove a route. Raises NotFound."""
        if not await self._database.write(lambda tx: queries.delete_route(tx, workspace_id, route_id)):
            raise NotFound(
                "unknown_route", f"There is no route {route_id!r}; `sendyard routes list` shows those there are."
            )
        await self._directory.refresh()

    def explain(
        self,
        workspace_id: str,
        *,
        to: str,
        channel: Channel = Channel.SMS,
        purpose: Purpose = Purpose.TRANSACTIONAL,
        country: str = "",
        account: str = "",
        sender: str = "",
    ) -> dict[str, Any]:
        """
        Say where a message would go and why, with a sentence for every account considered.

        Raises:
            Invalid: the number is not one that can be texted.
        """
        number = parse_phone(to, country or None)
        if not number.ok:
            raise Invalid(number.reason, number.detail, errors=[FieldError("/to", number.reason, number.detail)])
        decision = decide(
            self._directory,
            workspace_id,
            channel=channel,
            country=number.country,
            purpose=purpose,
            account=account,
            sender=sender,
        )
        routes = [route for route in self._directory.routes(workspace_id) if route.id == decision.route_id]
        return {
            "to": number.e164,
            "country": number.country,
            "channel": channel.value,
            "purpose": purpose.value,
            "route": self._document(routes[0]) if routes else None,
            "failover": decision.failover,
            "code": decision.code,
            "detail": decision.detail,
            "accounts": [
                {"id": step.account_id, "name": step.account, "usable": step.usable, "detail": step.detail}
                for step in decision.reasons
            ],
        }

    def _judge(
        self, workspace_id: str, given: str, channel: Channel, country: str
    ) -> tuple[tuple[str, str] | None, str]:
        entry = self._directory.find(workspace_id, given)
        if entry is None:
            names = ", ".join(known.name for known in self._directory.accounts(workspace_id)) or "none yet"
            return ("unknown_account", f"There is no account {given!r}; the accounts are: {names}."), given
        spec = entry.adapter.spec
        if channel not in spec.channels:
            carried = ", ".join(sorted(spec.channels))
            return (
                "channel_not_carried",
                f"{entry.name} does not carry {channel}; {spec.name} carries {carried}.",
            ), entry.id
        if country and spec.countries and country not in spec.countries:
            reached = ", ".join(sorted(spec.countries))
            detail = f"{entry.name} does not reach {country}; {spec.name} reaches {reached}."
            return ("country_not_reached", detail), entry.id
        return None, entry.id

    def _document(self, route: RouteEntry) -> dict[str, Any]:
        found = [(account_id, self._directory.account(account_id)) for account_id in route.accounts]
        return {
            "id": route.id,
            "channel": route.channel.value,
            "country": route.country,
            "purpose": route.purpose.value if route.purpose else "",
            "accounts": [{"id": account_id, "name": entry.name if entry else ""} for account_id, entry in found],
            "failover": route.failover,
            "detail": describe(route),
        }
