"""
Rules that a person sets aside, for one campaign or for a time; recorded with name and reason, and never removed.
"""

from datetime import datetime
from typing import Any, TypeAlias

from sendyard.delivery.directory import Directory
from sendyard.delivery.evidence import preflights
from sendyard.delivery.fact_queries import WAIVER_NAMES
from sendyard.delivery.preflight import is_storable
from sendyard.domain.countries.rules import Rule, Waiver
from sendyard.domain.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from sendyard.features.connections.compliance import queries
from sendyard.features.connections.compliance.rule_book import require_rule
from sendyard.features.connections.compliance.telling import named, tell
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

Documents: TypeAlias = list[dict[str, Any]]

ROLES = ("manager", "owner")
"""As which somebody may set a rule aside."""
LONGEST_MS = 366 * 86_400_000
LONGEST_NAME = 100
LONGEST_REASON = 1000
FEWEST_WORDS = 3
_OVER = frozenset({"completed", "completed_with_failures", "cancelled", "failed"})
_FEWEST_CHARACTERS = 8  # of a reason in a script that writes no spaces


class Waivers:
    """The waivers of every workspace, and the preflight results that show which were used."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are and the directory to keep in step."""
        self._database = database
        self._directory = directory

    async def add(
        self,
        workspace_id: str,
        *,
        rule: str,
        who: str,
        reason: str,
        role: str = "manager",
        campaign: str = "",
        until: datetime | None = None,
        by: str,
        as_owner: bool = False,
    ) -> dict[str, Any]:
        """
        Set a rule aside, for one campaign or until a moment for the whole workspace.

        Args:
            workspace_id: whose messages it is about.
            rule: its id.
            who: the person who decides, by name.
            reason: why, in three words or more.
            role: as what they decide; some rules only an owner may set aside.
            campaign: id of the campaign it is for; "" for the whole workspace.
            until: for the whole workspace, when it ends: at most a year ahead.
            by: the key or command it came by.
            as_owner: whether that key or command may speak for an owner.

        Raises:
            NotFound: there is no such rule or campaign.
            Forbidden: nobody may set this rule aside, or only an owner; or the role is more than the key may speak for.
            Conflict: the campaign is over, or the rule is set aside there already.
            Invalid: who, reason, role or end are not usable.
        """
        found = require_rule(rule)
        _allow(found, role)
        moment = now_ms()
        _check(who, reason, role, campaign, until, moment)
        if role == "owner" and not as_owner:
            raise Forbidden(
                "role_contradicted",
                f"Expected a key that may speak for an owner, found one that is limited ({by}); use a live key with"
                " every scope, or the command line.",
            )
        waiver_id = new_id()
        ends = None if until is None else int(until.timestamp() * 1000)

        def work(tx: Transaction) -> tuple[Any, ...]:
            if campaign:
                status = _campaign(tx, workspace_id, campaign)
                if status in _OVER:
                    detail = f"The campaign is {status}, so nothing of it can be set aside any more."
                    raise Conflict("campaign_over", detail)
            if queries.is_waived(tx, workspace_id, rule, campaign, moment):
                place = "this campaign" if campaign else "the whole workspace"
                detail = f"{rule} is set aside for {place} already; withdraw that waiver to give another reason or end."
                raise Conflict("already_waived", detail)
            told = (waiver_id, rule, campaign, ends, who.strip(), role, reason.strip(), by, moment)
            queries.insert_waiver(tx, workspace_id, told)
            return (*told, "", None)

        return _document(await tell(self._database, self._directory, workspace_id, work), moment)

    async def list(
        self,
        workspace_id: str,
        *,
        campaign: str | None = None,
        in_force: bool = False,
        after: str = "",
        limit: int = 100,
    ) -> Documents:
        """Give waivers, newest first, behind the id `after`; only those of a campaign ("": the workspace) if asked."""
        moment = now_ms()
        rows = await self._database.read(
            lambda tx: queries.waivers(
                tx, workspace_id, campaign_id=campaign, in_force=in_force, now=moment, before=after, limit=limit
            )
        )
        return [_document(row, moment) for row in rows]

    async def withdraw(self, workspace_id: str, waiver_id: str, *, by: str) -> dict[str, Any]:
        """End a waiver at once; it stays on record. Harmless when repeated. Raises NotFound."""
        moment = now_ms()

        def work(tx: Transaction) -> tuple[Any, ...]:
            queries.withdraw_waiver(tx, workspace_id, waiver_id, by=by, now=moment)
            found = queries.waiver(tx, workspace_id, waiver_id)
            if found is None:
                detail = (
                    f"There is no waiver {waiver_id!r:.60}; `sendyard compliance waivers list` shows those there are."
                )
                raise NotFound("unknown_waiver", detail)
            return found

        return _document(await tell(self._database, self._directory, workspace_id, work), moment)

    async def evidence(self, workspace_id: str, campaign: str, *, after: str = "", limit: int = 100) -> Documents:
        """
        Give the preflight results kept of a campaign, newest first: report, rules asked, waivers used.

        Raises:
            NotFound: there is no such campaign.
        """

        def read(tx: Transaction) -> Documents:
            _campaign(tx, workspace_id, campaign)
            return preflights(tx, workspace_id, campaign, after=after, limit=limit)

        return await self._database.read(read)


def _allow(rule: Rule, role: str) -> None:
    if rule.waiver is Waiver.NOBODY:
        raise Forbidden("not_waivable", f"Nobody may set {rule.id} aside. {rule.satisfy}")
    if rule.waiver is Waiver.OWNER and role == "manager":
        raise Forbidden("owner_needed", f"Only an owner may set {rule.id} aside; have one decide, with the role owner.")


def _check(who: str, reason: str, role: str, campaign: str, until: datetime | None, now: int) -> None:
    errors: list[FieldError] = []
    if not any(map(str.isalpha, who)) or len(who) > LONGEST_NAME or not is_storable(who):
        detail = f"Expected the name of the person who decides, at most {LONGEST_NAME} characters, found {who!r:.60}."
        errors.append(FieldError("/who", "bad_name", detail))
    if not _says_why(reason) or len(reason) > LONGEST_REASON or not is_storable(reason):
        detail = f"Expected a reason of {FEWEST_WORDS} words or more that says why, found {reason!r:.60}."
        errors.append(FieldError("/reason", "bad_reason", detail))
    if role not in ROLES:
        errors.append(FieldError("/role", "bad_role", f"Expected one of {', '.join(ROLES)}, found {role!r:.60}."))
    if campaign and until:
        detail = "A waiver of one campaign ends with it; leave `until` out, or `campaign`."
        errors.append(FieldError("/until", "not_both", detail))
    elif not campaign and (until is None or not now < until.timestamp() * 1000 <= now + LONGEST_MS):
        found = "none" if until is None else until.isoformat()
        detail = f"Expected when it ends, within a year from now, since it is for the whole workspace; found {found}."
        errors.append(FieldError("/until", "bad_end", detail))
    if errors:
        raise Invalid("bad_waiver", errors[0].detail, errors=errors)


def _says_why(reason: str) -> bool:
    words = reason.split()
    if len(words) >= FEWEST_WORDS:
        return True
    return len("".join(words)) >= _FEWEST_CHARACTERS and not reason.isascii()


def _campaign(tx: Transaction, workspace_id: str, campaign: str) -> str:
    status = queries.campaign_status(tx, workspace_id, campaign)
    if status is None:
        detail = f"There is no campaign {campaign!r:.60}; `sendyard campaign list` shows those there are."
        raise NotFound("unknown_campaign", detail)
    return status


def _document(row: tuple[Any, ...], now: int) -> dict[str, Any]:
    waiver = named(WAIVER_NAMES, row)
    ended = waiver["withdrawn_at"] is not None or (waiver["until"] is not None and waiver["until"] <= now)
    return waiver | {"in_force": not ended}
