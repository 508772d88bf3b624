"""
A campaign's rows as messages to be: the one place where its drafts are made.
"""

from collections.abc import Sequence

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.delivery.preflight import Draft, prepare_many
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import AppError
from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.features.campaigns.files import variants_with_files, with_files
from sendyard.features.campaigns.plan import read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.links import RowAddresses
from sendyard.features.templates.rendering import letters_of
from sendyard.ledger.entries import NewMessage

_decode_variables = msgspec.json.Decoder(dict[str, str]).decode


def prepare_rows(
    directory: Directory,
    campaign: CampaignRow,
    rows: Sequence[Recipient],
    moment: int,
    *,
    send_at: Sequence[int | None] = (),
    links: RowAddresses | None = None,
) -> list[NewMessage | AppError]:
    """
    Render each row and check it as far as that needs no database; one outcome per row, in order.

    `send_at` has the moment of each row, None for at once; `links` makes the short addresses that the text names.
    """
    letters = letters_of(campaign.body, campaign.document, campaign.registered)
    channel, purpose = Channel(campaign.channel), Purpose(campaign.purpose)
    drafts: list[Draft] = []
    unwritable: dict[int, AppError] = {}
    moments = send_at or [None] * len(rows)
    plan = read_plan(campaign.plan)
    shared = plan.values
    for position, (row, at) in enumerate(zip(rows, moments, strict=True)):
        values = {**shared, **_decode_variables(row.variables)} if shared else _decode_variables(row.variables)
        try:
            if links is not None:
                values |= links.of(row.row, values)
            rendered = letters.render(values, channel=channel, language=row.language, country=row.country)
        except AppError as error:
            unwritable[position] = error
            continue
        drafts.append(
            Draft(
                to=row.address,
                checked=True,
                checked_country=row.country,
                content=with_files(rendered.content, plan.media, channel),
                variants=variants_with_files(rendered.variants, plan.media),
                registration=rendered.registration,
                channel=channel,
                purpose=purpose,
                sender=campaign.sender,
                account=campaign.account,
                send_at=at,
                expires_in=campaign.expires_in,
                test=campaign.reach == "test",
                campaign_id=campaign.id,
                row=row.row,
            )
        )
    prepared = prepare_many(directory, campaign.workspace_id, drafts, moment)
    if not unwritable:
        return prepared
    written = iter(prepared)
    return [unwritable[position] if position in unwritable else next(written) for position in range(len(rows))]
