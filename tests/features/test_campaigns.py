"""
Campaigns from the outside: made from a file, checked, started, stopped, and their results.
"""

import csv
import io
from typing import Any

import pytest

from sendyard.delivery.forecast import Level
from sendyard.delivery.queries import suppress
from sendyard.domain.errors import AppError, Conflict, ErrorKind, Invalid, NotFound, ProviderError
from sendyard.domain.formulas import neutral
from sendyard.domain.status import MessageStatus
from sendyard.features.campaigns.outcomes.results import COLUMNS
from sendyard.features.campaigns.plan import Plan, Throttle
from sendyard.features.templates import Templates
from sendyard.ledger.entries import Claimed
from sendyard.providers.contract import Adapter
from sendyard.storage.identifiers import now_ms
from tests.features.campaign_play import Play, number, play_on, sheet
from tests.yard import Yard

MIXED = (
    "phone,name\n"
    "0912345678,Kim\n"
    ",Blank\n"
    "０９１２３４５６７９,Wide\n"
    "02-2345-6789,Landline\n"
    "0912345678,Twice\n"
    "0912345670,\n"
    "=1+1,Formula\n"
).encode()


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


async def test_a_draft_knows_every_row_of_its_file(play: Play) -> None:
    made = await play.campaigns.create(
        play.yard.workspace_id, name=" Spring ", text="Hi {name}", csv=MIXED, country="tw"
    )
    assert made["status"] == "draft"
    assert (made["name"], made["country"], made["encoding"], made["separator"]) == ("Spring", "TW", "utf-8", ",")
    assert made["columns"] == {"phone": "phone", "variables": {"name": "name"}}
    assert (made["rows"], made["recipients"], made["fixed"], made["refused"]) == (7, 2, 1, 5)
    assert {reason["code"] for reason in made["refused_reasons"]} == {
        "blank", "not_mobile", "duplicate", "missing_value", "formula",
    }  # fmt: skip


async def test_refused_rows_are_listed_with_number_and_reason_page_by_page(play: Play) -> None:
    campaign_id = await play.draft(MIXED)
    refused = await play.campaigns.refused(play.yard.workspace_id, campaign_id, limit=2)
    assert [(row["row"], row["given"], row["code"]) for row in refused] == [
        (3, "", "blank"),
        (5, "02-2345-6789", "not_mobile"),
    ]
    rest = await play.campaigns.refused(play.yard.workspace_id, campaign_id, after_row=5)
    assert [row["row"] for row in rest] == [6, 7, 8]
    assert all(row["detail"] for row in refused + rest)


async def test_suppressed_people_are_counted_when_the_file_is_read(play: Play) -> None:
    await suppress_number(play, "+886900000001")
    made = await play.campaigns.create(play.yard.workspace_id, name="Spring", text="Hi", csv=sheet(3), country="TW")
    assert (made["recipients"], made["suppressed"]) == (3, 1)


async def suppress_number(play: Play, address: str) -> None:
    await play.yard.database.write(
        lambda tx: suppress(tx, play.yard.workspace_id, address, channel="", reason="manual", source="", now=now_ms())
    )


async def test_a_template_is_frozen_at_its_version(play: Play) -> None:
    templates = Templates(play.yard.database, play.yard.directory)
    await templates.add(play.yard.workspace_id, code="hello", body="Hi {name}")
    campaign_id = await play.draft(sheet(1), text=None, template_code="hello")
    await templates.edit(play.yard.workspace_id, "hello", body="Bye {name}")
    found = await play.get(campaign_id)
    assert (found["template"], found["template_version"], found["text"]) == ("hello", 1, "Hi {name}")


async def test_a_text_of_its_own_is_no_listed_template(play: Play) -> None:
    campaign_id = await play.draft(sheet(1))
    found = await play.get(campaign_id)
    assert (found["template"], found["template_version"], found["text"]) == (None, None, "Hi {name}")
    assert await Templates(play.yard.database, play.yard.directory).list(play.yard.workspace_id) == []


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": "a\0b"}, "/name"),
        ({"text": None}, "/text"),
        ({"template_code": "hello"}, "/text"),
        ({"text": "  "}, "/text"),
        ({"text": "x" * 10_001}, "/text"),
        ({"channel": "pigeon"}, "/channel"),
        ({"purpose": "otp"}, "/purpose"),
        ({"purpose": "fun"}, "/purpose"),
        ({"country": "Taiwan"}, "/country"),
        ({"sender": "s" * 65}, "/sender"),
        ({"account": "nobody"}, "/account"),
        ({"expires_in": 0}, "/expires_in"),
        ({"csv": b"name\nKim\n"}, "/csv"),
        ({"csv": b"phone,title\n0912345678,x\n"}, "/csv"),
        ({"csv": b"phone,name\n"}, "/csv"),
    ],
)
async def test_what_cannot_be_used_is_named_and_leaves_nothing_behind(
    play: Play, wish: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await play.draft(**{"csv": sheet(1), **wish})
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert play.rows("SELECT id FROM campaigns") == play.rows("SELECT id FROM template_versions") == []


async def test_a_bad_template_says_where(play: Play) -> None:
    with pytest.raises(Invalid) as refused:
        await play.draft(sheet(1), text="Hi {na me}")
    assert refused.value.code == "bad_template"


async def test_an_unknown_template_is_not_found(play: Play) -> None:
    with pytest.raises(NotFound, match="templates list"):
        await play.draft(sheet(1), text=None, template_code="nope")


async def test_a_file_that_breaks_off_in_the_middle_leaves_nothing_behind(play: Play) -> None:
    with pytest.raises(Invalid, match="Row 1502"):
        await play.draft(sheet(1500) + b'0912345678,"never closed')
    assert play.rows("SELECT row FROM campaign_recipients") == play.rows("SELECT id FROM campaigns") == []
    assert play.rows("SELECT id FROM templates") == []


async def test_campaigns_are_listed_newest_first_and_only_to_their_workspace(play: Play) -> None:
    first, second, third = [await play.draft(sheet(1), name=name) for name in ("a", "b", "c")]
    workspace_id = play.yard.workspace_id
    assert [one["id"] for one in await play.campaigns.list(workspace_id, limit=2)] == [third, second]
    assert [one["id"] for one in await play.campaigns.list(workspace_id, after=second)] == [first]
    assert await play.campaigns.list("another") == []
    with pytest.raises(NotFound, match="campaign list"):
        await play.campaigns.get("another", first)


async def test_preflight_tells_of_rows_parts_cost_and_the_longest_text(play: Play) -> None:
    data = sheet(3) + f"{number(9)},{'x' * 200}\n".encode() + b"letters,Kim\n"
    campaign_id = await play.draft(data)
    found = await play.campaigns.preflight(play.yard.workspace_id, campaign_id)
    checks = {check.check: check for check in found.checks}
    assert (checks["rows"].level, checks["rows"].count) == (Level.WARN, 1)
    assert "1 letters" in checks["rows"].detail
    assert checks["size"].detail.startswith("Row 5 needs most")
    assert (found.messages, found.parts) == (4, 5)
    assert found.cost is not None
    assert (str(found.cost.low), found.cost.currency) == ("0.25", "USD")
    assert found.finish_at is not None
    assert [message.content.body[:6] for message in found.sample] == ["Hi Nam", "Hi xxx"]
    assert play.rows("SELECT id FROM messages") == []


async def test_preflight_adds_up_more_than_a_thousand_rows(play: Play) -> None:
    for position in (0, 1200):
        await suppress_number(play, f"+886{number(position)[1:]}")
    campaign_id = await play.draft(sheet(2300))
    found = await play.campaigns.preflight(play.yard.workspace_id, campaign_id)
    checks = {check.check: check for check in found.checks}
    assert (found.messages, checks["suppression"].count, checks["suppression"].level) == (2298, 2, Level.WARN)
    assert checks["rows"].detail == "Good: every row of the file can be used."


async def test_preflight_tells_whom_the_account_cannot_carry_today_and_in_time(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    await play.prepared(sheet(3))
    play.hand_over(lambda _: MessageStatus.SENT)
    monkeypatch.setattr(Adapter, "daily_people", lambda _adapter, _account: 250)
    await play.yard.accounts.edit(play.yard.workspace_id, play.account_id, {"rate_per_second": "1"})
    campaign_id = await play.draft(sheet(300), expires_in=100)
    checks = {one.check: one for one in (await play.campaigns.preflight(play.yard.workspace_id, campaign_id)).checks}
    assert (checks["people_limit"].level, checks["people_limit"].count) == (Level.WARN, 53)
    assert "and has written to 3" in checks["people_limit"].detail
    assert (checks["pace"].level, checks["pace"].count) == (Level.WARN, 200)
    assert "expires_in" in checks["pace"].fix


async def test_preflight_of_a_throttled_campaign_ends_when_its_throttle_lets_the_last_leave(play: Play) -> None:
    campaign_id = await play.draft(sheet(90), plan=Plan(throttle=Throttle(30, "minute")))
    before = now_ms()
    found = await play.campaigns.preflight(play.yard.workspace_id, campaign_id)
    assert found.finish_at is not None
    assert before <= found.finish_at - 180_000 < now_ms() + 5000
    pace = next(one for one in found.checks if one.check == "pace")
    assert (pace.level, pace.count) == (Level.OK, 0)
    assert "throttle lets 1,800 an hour" in pace.detail


async def test_preflight_blocks_what_reaches_nobody_and_so_does_the_start(play: Play) -> None:
    campaign_id = await play.draft(sheet(2))
    for route in play.yard.routes.list(play.yard.workspace_id):
        await play.yard.routes.delete(play.yard.workspace_id, route["id"])
    found = await play.campaigns.preflight(play.yard.workspace_id, campaign_id)
    assert [check.check for check in found.checks if check.level is Level.BLOCK] == ["route"]
    assert (found.messages, found.cost, found.finish_at, found.sample) == (0, None, None, [])
    with pytest.raises(Invalid, match="routes set"):
        await play.campaigns.start(play.yard.workspace_id, campaign_id)
    assert await play.status(campaign_id) == "draft"


async def test_a_file_of_bad_rows_only_cannot_be_started(play: Play) -> None:
    campaign_id = await play.draft(b"phone,name\nletters,Kim\n")
    with pytest.raises(Invalid, match="1 row is left out: 1 letters"):
        await play.campaigns.start(play.yard.workspace_id, campaign_id)


async def move(play: Play, campaign_id: str, *steps: str) -> list[str]:
    """The status after each step, or the code of its refusal."""
    found = []
    for step in steps:
        try:
            found.append((await getattr(play.campaigns, step)(play.yard.workspace_id, campaign_id))["status"])
        except AppError as error:
            found.append(error.code)
    return found


async def test_every_button_may_be_pressed_twice(play: Play) -> None:
    steps = ("start", "start", "pause", "pause", "resume", "resume", "cancel", "cancel")
    assert await move(play, await play.draft(sheet(2)), *steps) == [
        "preparing", "preparing", "paused", "paused", "preparing", "preparing", "cancelled", "cancelled",
    ]  # fmt: skip


async def test_a_button_that_does_not_fit_is_refused_with_what_to_do(play: Play) -> None:
    assert await move(play, await play.draft(sheet(1)), "pause", "resume", "cancel", "start", "pause", "resume") == [
        "wrong_state", "wrong_state", "cancelled", "wrong_state", "wrong_state", "wrong_state",
    ]  # fmt: skip
    paused = await play.started(sheet(1))
    await play.campaigns.pause(play.yard.workspace_id, paused)
    with pytest.raises(Conflict, match="Resume or cancel it"):
        await play.campaigns.start(play.yard.workspace_id, paused)


async def test_buttons_of_another_workspace_do_nothing(play: Play) -> None:
    campaign_id = await play.started(sheet(1))
    for step in ("start", "pause", "resume", "cancel"):
        with pytest.raises(NotFound):
            await getattr(play.campaigns, step)("another", campaign_id)
    assert await play.status(campaign_id) == "preparing"


async def test_progress_counts_rows_messages_accounts_and_reasons(play: Play) -> None:
    campaign_id = await play.prepared(MIXED + b"0912345671,Fails\n0912345672,Later\n")

    def verdict(message: Claimed) -> MessageStatus:
        return MessageStatus.FAILED if message.to.value.endswith("71") else MessageStatus.SENT

    play.hand_over(verdict, limit=3)
    found = await play.progress(campaign_id)
    assert (found["rows"], found["recipients"], found["refused"], found["messages"]) == (9, 4, 5, 4)
    assert found["counts"] == {"failed": 1, "queued": 1, "sent": 2}
    assert (found["settled"], found["waiting_rows"]) == (1, 0)
    assert found["accounts"] == [
        {"account_id": play.account_id, "account": "world", "counts": {"failed": 1, "queued": 1, "sent": 2}}
    ]
    assert found["reasons"] == [
        {"status": "failed", "kind": "undeliverable", "account_id": play.account_id, "account": "world", "count": 1}
    ]
    assert found["rate_per_second"] > 0
    assert found["finish_at"] > now_ms() - 1000


async def test_progress_before_the_start_has_no_messages(play: Play) -> None:
    found = await play.progress(await play.draft(sheet(2)))
    assert (found["waiting_rows"], found["messages"], found["finish_at"]) == (2, 0, None)


async def test_a_costly_count_is_shown_again_for_a_moment(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendyard.features.campaigns.outcomes.progress._COSTLY", -1.0)
    monkeypatch.setattr("sendyard.features.campaigns.outcomes.progress._SHARE", 10_000)
    campaign_id = await play.prepared(sheet(3))
    campaigns = play.campaigns
    assert (await campaigns.progress(play.yard.workspace_id, campaign_id))["counts"] == {"queued": 3}
    play.hand_over(limit=1)
    assert (await campaigns.progress(play.yard.workspace_id, campaign_id))["counts"] == {"queued": 3}
    await campaigns.pause(play.yard.workspace_id, campaign_id)
    paused = await campaigns.progress(play.yard.workspace_id, campaign_id)
    assert (paused["status"], paused["counts"]) == ("paused", {"delivered": 1, "queued": 2})


async def test_few_costly_counts_are_remembered(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_COSTLY", -1.0), ("_SHARE", 10_000), ("_MOST_REMEMBERED", 1)):
        monkeypatch.setattr(f"sendyard.features.campaigns.outcomes.progress.{name}", value)
    first, second = await play.prepared(sheet(1)), await play.prepared(sheet(1))
    campaigns = play.campaigns
    for campaign_id in (first, second):
        await campaigns.progress(play.yard.workspace_id, campaign_id)
    play.hand_over()
    found = [await campaigns.progress(play.yard.workspace_id, campaign_id) for campaign_id in (second, first)]
    assert [one["counts"] for one in found] == [{"queued": 1}, {"delivered": 1}]


async def test_recipients_show_what_became_of_each_row(play: Play) -> None:
    campaign_id = await play.prepared(sheet(3) + b"letters,Kim\n")
    play.hand_over(limit=1)
    rows = await play.campaigns.recipients(play.yard.workspace_id, campaign_id)
    assert [(row["row"], row["to"], row["status"]) for row in rows] == [
        (2, "+886900000000", "delivered"),
        (3, "+886900000001", "queued"),
        (4, "+886900000002", "queued"),
        (5, None, "refused"),
    ]
    first = rows[0]
    assert (first["account"], first["provider_ref"], first["parts"]) == ("world", "ref-+886900000000", 1)
    assert (first["costs"], first["variables"]) == ([{"amount": "0.05", "currency": "USD"}], {"name": "Name 0"})


@pytest.mark.parametrize(("status", "rows"), [("refused", [4]), ("queued", [2, 3]), ("waiting", []), (None, [2, 3, 4])])
async def test_recipients_are_filtered_by_status(play: Play, status: str | None, rows: list[int]) -> None:
    campaign_id = await play.prepared(sheet(2) + b"letters,Kim\n")
    found = await play.campaigns.recipients(play.yard.workspace_id, campaign_id, status=status)
    assert [row["row"] for row in found] == rows


async def test_rows_without_a_message_yet_are_waiting(play: Play) -> None:
    campaign_id = await play.draft(sheet(2))
    found = await play.campaigns.recipients(play.yard.workspace_id, campaign_id, after_row=2, status="waiting")
    assert [(row["row"], row["status"], row["message_id"]) for row in found] == [(3, "waiting", None)]


async def test_an_unknown_status_is_refused_with_those_there_are(play: Play) -> None:
    with pytest.raises(Invalid, match="refused, waiting, scheduled"):
        await play.campaigns.recipients(play.yard.workspace_id, "any", status="lost")


async def results(play: Play, campaign_id: str) -> list[dict[str, str]]:
    pieces = [piece async for piece in await play.campaigns.results_csv(play.yard.workspace_id, campaign_id)]
    return list(csv.DictReader(io.StringIO(b"".join(pieces).decode("utf-8-sig"))))


async def test_the_results_file_has_every_row_with_its_outcome(play: Play) -> None:
    campaign_id = await play.prepared(sheet(1200) + b'"=HYPERLINK(""x"")",Kim\n')
    play.hand_over(lambda message: MessageStatus.FAILED if message.to.value.endswith("07") else MessageStatus.SENT)
    rows = await results(play, campaign_id)
    assert tuple(rows[0]) == COLUMNS
    assert [int(row["row"]) for row in rows] == list(range(2, 1203))
    assert (rows[0]["to"], rows[0]["status"], rows[0]["cost"], rows[0]["currency"]) == (
        "+886900000000", "sent", "0.05", "USD",
    )  # fmt: skip
    assert rows[0]["sent_at"].endswith("Z")
    assert (rows[7]["status"], rows[7]["reason"], rows[7]["detail"], rows[7]["account"]) == (
        "failed", "undeliverable", "the handset is off", "world",
    )  # fmt: skip
    assert (rows[-1]["given"], rows[-1]["status"], rows[-1]["reason"]) == ('\'=HYPERLINK("x")', "refused", "formula")


async def test_results_of_an_unknown_campaign_are_refused_before_the_first_piece(play: Play) -> None:
    with pytest.raises(NotFound):
        await play.campaigns.results_csv(play.yard.workspace_id, "nope")


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("+886912345678", "+886912345678"),
        ("-3.5", "-3.5"),
        ("Kim", "Kim"),
        ("", ""),
    ],
)
def test_cells_that_would_run_as_formulas_are_made_harmless(cell: str, written: str) -> None:
    assert neutral(cell) == written


async def test_those_who_failed_get_a_campaign_of_their_own(play: Play) -> None:
    await play.yard.hourly_limit(0)
    campaign_id = await play.prepared(sheet(4), name="n" * 200)
    kinds = iter([ErrorKind.UNDELIVERABLE, ErrorKind.INVALID_RECIPIENT, ErrorKind.OPTED_OUT])
    for kind in kinds:
        play.hand_over(lambda _message: MessageStatus.FAILED, limit=1, error=ProviderError(kind, "E1"))
    play.hand_over()
    await play.expander().watch(await active(play))
    assert await play.status(campaign_id) == "completed_with_failures"
    retry = await play.campaigns.retry_failed(play.yard.workspace_id, campaign_id)
    assert (retry["status"], retry["recipients"], retry["rows"]) == ("draft", 1, 1)
    assert (len(retry["name"]), retry["name"][-7:]) == (200, ", retry")
    await play.campaigns.start(play.yard.workspace_id, retry["id"])
    expander = play.expander()
    while await expander.round():
        pass
    assert play.hand_over() == ["+886900000000"]


async def active(play: Play) -> list[Any]:
    from sendyard.features.campaigns.queries import active_campaigns  # noqa: PLC0415 - only this needs the SQL

    return await play.yard.database.read(active_campaigns)


async def test_retry_waits_for_the_end_and_for_somebody_to_try(play: Play) -> None:
    campaign_id = await play.prepared(sheet(1))
    with pytest.raises(Conflict, match="wait until it is over"):
        await play.campaigns.retry_failed(play.yard.workspace_id, campaign_id)
    play.hand_over()
    await play.expander().watch(await active(play))
    with pytest.raises(Conflict, match="Nobody is left"):
        await play.campaigns.retry_failed(play.yard.workspace_id, campaign_id)
    assert play.rows("SELECT id FROM campaigns") == [(campaign_id,)]
