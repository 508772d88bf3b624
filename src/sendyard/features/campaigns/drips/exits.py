"""
Who leaves a drip before the next step: asked of the rows themselves, in the transaction that takes the step.
"""

from collections.abc import Mapping, Sequence

from sendyard.domain.channels import Channel
from sendyard.domain.errors import AppError
from sendyard.features.audience.labels import TAG, label_set
from sendyard.features.audience.segments.meaning import Marked, Test
from sendyard.features.audience.segments.queries import condition
from sendyard.features.audience.segments.store import Question, require_segment, understand
from sendyard.features.campaigns.drips.plan import Exit, InGroup
from sendyard.features.campaigns.drips.queries import DripRow, PersonInDrip
from sendyard.storage.transaction import Transaction

_CHANNELS = ", ".join(f"'{channel.value}'" for channel in Channel)
# Of every round, because whoever is moved to a newer version keeps the number, and only the number.
_OWN = (
    "JOIN drip_steps s ON s.drip_id = ? JOIN messages m"
    " ON m.group_id = s.campaign_id AND m.group_id <> '' AND m.row = given.c0"
)
# Each joins one person of `given`: number, address, when the person came, contact.
_ASKED: Mapping[str, str] = {
    # Every channel is named because the index begins with it.
    "replied": f"JOIN inbound_messages i ON i.workspace_id = ? AND i.channel IN ({_CHANNELS}) AND i.sender = given.c1"
    " AND i.received_at >= given.c2",
    "opted_out": "JOIN suppressions s ON s.workspace_id = ? AND s.address = given.c1 AND s.channel IN ('', ?)"
    " AND s.purpose IN ('', ?)",
    "clicked": "JOIN drip_steps s ON s.drip_id = ? JOIN link_clicks k"
    " ON k.campaign_id = s.campaign_id AND k.reason = '' AND k.row = given.c0",
    "read": f"{_OWN} AND m.status = 'read'",
    "delivered": f"{_OWN} AND m.status IN ('delivered', 'read')",
}


def leaving(
    tx: Transaction, drip: DripRow, exits: Sequence[Exit], people: Sequence[tuple[PersonInDrip, str]], *, now: int
) -> dict[int, str] | AppError:
    """
    Say who of these people leaves, and why, by their numbers; each stands with the channel of the next step.

    Gives the error instead when a segment is gone or can no longer be read.
    """
    found: dict[int, str] = {}
    for channel in dict.fromkeys(channel for _, channel in people):
        given = [(one.no, one.address, one.entered_at, one.contact_no) for one, of in people if of == channel]
        for one in exits:
            if isinstance(one, InGroup):
                test = _test(tx, drip.workspace_id, one, now=now)
                if isinstance(test, AppError):
                    return test
                numbers = _in_group(tx, drip.workspace_id, test, given) if test else []
                why = f"tag:{one.tag}" if one.tag else "segment"
            else:
                numbers, why = _did(tx, drip, one, channel, given), one
            for no in numbers:
                found.setdefault(no, why)
    return found


def _did(
    tx: Transaction, drip: DripRow, event: str, channel: str, given: Sequence[tuple[int, str, int, int | None]]
) -> list[int]:
    source, parameter = tx.each(given, "BIGINT", "TEXT", "BIGINT", "BIGINT")
    values: tuple[str, ...] = (drip.id,)
    if event == "replied":
        values = (drip.workspace_id,)
    elif event == "opted_out":
        values = (drip.workspace_id, channel, drip.purpose)
    sql = f"SELECT DISTINCT given.c0 FROM {source} {_ASKED[event]}"  # noqa: S608 - constants and placeholders
    return [no for (no,) in tx.rows(sql, (parameter, *values))]


def _test(tx: Transaction, workspace_id: str, group: InGroup, *, now: int) -> Test | AppError | None:
    if group.tag:
        label = label_set(tx, workspace_id).find(TAG, group.tag)
        return Marked(label.no) if label else None  # nobody has a tag that was never given
    try:
        return understand(tx, workspace_id, Question(require_segment(tx, workspace_id, group.segment).filter), now=now)[
            1
        ]
    except AppError as error:
        return error


def _in_group(
    tx: Transaction, workspace_id: str, test: Test, given: Sequence[tuple[int, str, int, int | None]]
) -> list[int]:
    """Who of them is found: as whoever has the address now, else as the contact that came."""
    source, parameter = tx.each(given, "BIGINT", "TEXT", "BIGINT", "BIGINT")
    sql, values = condition(test, tx.dialect)
    found = tx.rows(
        f"SELECT given.c0 FROM {source} JOIN contacts c ON c.workspace_id = ? AND c.no = COALESCE("  # noqa: S608 - `condition` writes placeholders
        "(SELECT min(i.contact_no) FROM identities i WHERE i.workspace_id = ? AND i.value = given.c1"
        " AND i.kind IN ('phone', 'whatsapp_id', 'line_id')), given.c3)"
        f" WHERE NOT c.gone AND ({sql})",
        (parameter, workspace_id, workspace_id, *values),
    )
    return [no for (no,) in found]
