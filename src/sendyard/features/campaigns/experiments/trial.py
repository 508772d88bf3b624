"""
An experiment under way: people are dealt out, the sample goes first, the rest waits for what comes of it.

Where it stands is one row that only moves on, in the same transaction as what follows from it. So a crash at any moment
repeats nothing and skips nothing, and any number of processes may work on it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.domain.errors import AppError
from sendyard.features.campaigns import queries as campaign_queries
from sendyard.features.campaigns.audience.queries import good_count, last_row
from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.features.campaigns.drafts import prepare_rows
from sendyard.features.campaigns.experiments import queries
from sendyard.features.campaigns.experiments.dealing import draws, pick, threshold
from sendyard.features.campaigns.experiments.queries import ExperimentRow
from sendyard.features.campaigns.experiments.terms import Experiment
from sendyard.features.campaigns.experiments.texts import texts_of
from sendyard.features.campaigns.linking import row_addresses
from sendyard.features.campaigns.plan import read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.links import Addresses
from sendyard.ledger.entries import NewMessage
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

DEALT = 2000
"""Rows dealt out in one transaction."""

decode_shares = msgspec.json.Decoder(dict[int, float]).decode
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Turn:
    """
    What may be prepared now: rows of a part ("" for all), none behind `up_to`.

    `holds` says that nobody may go before something is decided, `dealing` that more people are still to be dealt out.
    """

    part: str = ""
    up_to: int | None = None
    holds: bool = False
    dealing: bool = False
    round: int = 0
    last_row: int = 0
    limit_row: int | None = None
    shares: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Messages to be, one for each row, and the variants that rows get with them."""

    outcomes: Sequence[NewMessage | AppError]
    given: Sequence[tuple[int, int]] = ()


_ORDINARY = Turn()


class Trials:
    """Deals out and moves on the experiments of every workspace."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are, and the accounts and routes."""
        self._database = database
        self._directory = directory
        self._addresses = Addresses(database, directory)

    async def turn(self, campaign: CampaignRow, bound: int | None) -> Turn:
        """Say who may go now; `bound` is the last row that may for other reasons."""
        wanted = read_plan(campaign.plan).experiment
        if wanted is None:
            return Turn(up_to=bound) if bound is not None else _ORDINARY
        found = await self._database.read(lambda tx: queries.experiment(tx, campaign.id))
        if found is None:
            await self._begin(campaign, wanted)
            return Turn(holds=True, dealing=True)
        if found.state not in {"sample", "rest"}:
            return Turn(holds=True)
        shares = decode_shares(found.shares)
        if found.state == "rest":
            return Turn("rest", found.limit_row, round=found.round, last_row=found.last_row,
                        limit_row=found.limit_row, shares=shares)  # fmt: skip
        dealt_to = await self._deal(campaign, found, shares)
        return Turn("sample", dealt_to, dealing=dealt_to < found.last_row, round=found.round,
                    last_row=found.last_row, shares=shares)  # fmt: skip

    async def _begin(self, campaign: CampaignRow, wanted: Experiment) -> None:
        now = now_ms()

        def size(tx: Transaction) -> tuple[int, int]:
            return good_count(tx, campaign.id), last_row(tx, campaign.id)

        total, last = await self._database.read(size)
        variants = await self._database.read(lambda tx: queries.variants(tx, campaign.id))
        shares = {variant.number: variant.share for variant in variants}
        below = threshold(wanted, list(shares.values()), total)
        await self._database.write(
            lambda tx: queries.begin(
                tx, campaign.workspace_id, campaign.id, threshold=below, last_row=last,
                shares=encode(shares).decode(), now=now,
            )
        )  # fmt: skip

    async def _deal(self, campaign: CampaignRow, found: ExperimentRow, shares: Mapping[int, float]) -> int:
        """Deal out some more rows; gives up to which row everybody has a part."""
        if found.dealt_to >= found.last_row:
            return found.dealt_to
        rows = await self._database.read(lambda tx: queries.undealt(tx, campaign.id, after=found.dealt_to, limit=DEALT))
        dealt = await asyncio.to_thread(_dealt, campaign.id, rows, found.threshold, shares)
        to = rows[-1][0] if len(rows) == DEALT else found.last_row
        done = await self._database.write(lambda tx: queries.deal(tx, campaign.id, dealt, known=found.dealt_to, to=to))
        return to if done else found.dealt_to

    async def prepare(
        self,
        campaign: CampaignRow,
        turn: Turn,
        rows: Sequence[Recipient],
        moment: int,
        send_at: Sequence[int | None],
    ) -> Prepared:
        """
        Render and check rows, each with the text that is its own.

        Raises:
            Invalid: a link of a text is gone or has ended.
        """
        if not turn.part and not read_plan(campaign.plan).kept_variants:
            return Prepared(await self._prepare(campaign, rows, moment, send_at))
        texts = await texts_of(self._database, campaign)
        first, last = rows[0].row, rows[-1].row
        chosen = await self._database.read(
            lambda tx: queries.variants_of(tx, campaign.id, first=first, last=last, part=turn.part)
        )
        # Whoever was left out before texts were dealt out gets any of them, for good.
        shares = turn.shares or dict.fromkeys(texts, 1 / len(texts))
        given = [(row.row, pick(draws(campaign.id, row.address)[1], shares)) for row in rows if not chosen[row.row]]
        chosen |= given
        outcomes: dict[int, NewMessage | AppError] = {}
        for number, text in texts.items():
            places = [place for place, row in enumerate(rows) if chosen[row.row] == number]
            if places:
                mine = [rows[place] for place in places]
                at = [send_at[place] for place in places] if send_at else ()
                outcomes |= zip(places, await self._prepare(text, mine, moment, at), strict=True)
        return Prepared([outcomes[place] for place in range(len(rows))], given)

    async def _prepare(
        self, text: CampaignRow, rows: Sequence[Recipient], moment: int, send_at: Sequence[int | None]
    ) -> list[NewMessage | AppError]:
        links = await row_addresses(self._addresses, text)
        return await asyncio.to_thread(prepare_rows, self._directory, text, rows, moment, send_at=send_at, links=links)

    async def finish(self, campaign: CampaignRow, turn: Turn) -> None:
        """Everybody who might go has gone: go on to what follows."""
        known = campaign.expanded_to

        def follow(tx: Transaction) -> None:
            if not turn.part:
                campaign_queries.finish_expansion(tx, campaign.id, known=known)
            elif not queries.is_in_round(tx, campaign.id, turn.round):
                return
            elif turn.part == "sample":
                # The rest stands between the rows of the sample, so the next walk begins at the top.
                if campaign_queries.advance(tx, campaign.id, known=known, to=0):
                    queries.move(tx, campaign.id, "waiting", known=turn.round)
            elif turn.limit_row is not None:
                queries.move(tx, campaign.id, "waiting", known=turn.round)
            elif campaign_queries.finish_expansion(tx, campaign.id, known=known):
                queries.move(tx, campaign.id, "done", known=turn.round)

        await self._database.write(follow)


def _dealt(
    campaign_id: str, rows: Sequence[tuple[int, str]], below: int, shares: Mapping[int, float]
) -> list[tuple[int, str, int]]:
    found = []
    for row, address in rows:
        part, variant = draws(campaign_id, address)
        found.append((row, "sample", pick(variant, shares)) if part < below else (row, "rest", 0))
    return found
