"""
Experiments in campaigns: who gets what, when it is decided, and what the rest gets.
"""

from typing import Any

import msgspec
import pytest

from sendyard.domain.errors import Conflict, Invalid
from sendyard.domain.status import MessageStatus
from sendyard.features.campaigns import Approvals, Changes, Experiments
from sendyard.features.campaigns.experiments.looking import Looking
from sendyard.features.campaigns.experiments.terms import Experiment, SampleSize, Variant
from sendyard.features.campaigns.plan import Plan, Wave
from sendyard.features.campaigns.queries import active_campaigns
from sendyard.ledger.entries import Claimed
from sendyard.ledger.inbound import keep_inbound
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction
from tests.features.campaign_play import Play, play_on, sheet
from tests.features.link_desk import LinkDesk
from tests.yard import Yard

TEXTS = (Variant(name="plain", text="Hi {name}"), Variant(name="warm", text="Dear {name}!"))
HOUR = 3_600_000


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


def compared(**change: Any) -> Plan:
    wanted: dict[str, Any] = {"metric": "replied", "expected_rate": 0.1, "lift": 1.0, "sample": SampleSize(percent=50)}
    return Plan(experiment=Experiment(**{**wanted, "wait_minutes": 60, **change}))


async def begun(play: Play, count: int = 800, *, variants: Any = TEXTS, **change: Any) -> str:
    campaign_id = await play.started(sheet(count), text=None, variants=variants, plan=compared(**change))
    await work(play)
    return campaign_id


async def work(play: Play) -> None:
    expander = play.expander(look_pause_ms=0)
    while await expander.round():
        pass


def accept(play: Play) -> None:
    play.hand_over(lambda _message: MessageStatus.SENT)


async def hours_later(play: Play) -> None:
    """Let two hours pass for whatever was sent, and the loop do what follows."""
    play.yard.database.write_now(
        lambda tx: (
            tx.run("UPDATE messages SET sent_at = sent_at - ?", (2 * HOUR,)),
            tx.run("UPDATE inbound_messages SET received_at = received_at - ?", (2 * HOUR,)),
        )
    )
    await work(play)
    await work(play)


def replies(play: Play, campaign_id: str, *, of: dict[str, float]) -> None:
    """Let so large a share of each variant's people answer."""
    names = dict(play.rows("SELECT number, name FROM campaign_variants WHERE campaign_id = ?", campaign_id))
    reached: dict[int, list[str]] = {}
    for variant, address in play.rows(
        "SELECT r.variant, m.address FROM campaign_recipients r JOIN messages m ON m.group_id = r.campaign_id"
        " AND m.group_id <> '' AND m.address = r.address WHERE m.sent_at IS NOT NULL AND r.campaign_id = ?"
        " ORDER BY m.address",
        campaign_id,
    ):
        reached.setdefault(variant, []).append(address)
    for variant, addresses in reached.items():
        for address in addresses[: round(len(addresses) * of.get(names[variant], 0.0))]:
            said(play, address)


def said(play: Play, address: str) -> None:
    at = max(at for (at,) in play.rows("SELECT sent_at FROM messages WHERE address = ?", address))
    play.yard.database.write_now(
        lambda tx: keep_inbound(
            tx, play.yard.workspace_id, play.account_id, sender=address, recipient="+15005550006", channel="sms",
            text="yes", provider_ref=f"in-{address}-{at}", dedupe_key=f"in-{address}-{at}", received_at=at + 1000,
        )
    )  # fmt: skip


def texts(play: Play, campaign_id: str, part: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for content, in play.rows(
        "SELECT m.content FROM messages m JOIN campaign_recipients r ON r.campaign_id = m.group_id"
        " AND m.address = r.address WHERE m.group_id = ? AND m.group_id <> '' AND r.part = ?",
        campaign_id, part,
    ):  # fmt: skip
        word = "warm" if "Dear" in content else "plain"
        found[word] = found.get(word, 0) + 1
    return found


def state(play: Play, campaign_id: str) -> str:
    ((found,),) = play.rows("SELECT state FROM campaign_experiments WHERE campaign_id = ?", campaign_id)
    return str(found)


def actions(play: Play, campaign_id: str) -> list[str]:
    return [one for (one,) in play.rows(
        "SELECT action FROM experiment_looks WHERE campaign_id = ? ORDER BY id", campaign_id)]  # fmt: skip


async def test_the_sample_goes_and_the_rest_waits(play: Play) -> None:
    campaign_id = await begun(play)
    sample = texts(play, campaign_id, "sample")
    assert 340 < sum(sample.values()) < 460
    assert min(sample.values()) > 150
    assert texts(play, campaign_id, "rest") == {}
    assert (await play.status(campaign_id), state(play, campaign_id)) == ("preparing", "waiting")
    progress = await play.progress(campaign_id)
    assert progress["waiting_rows"] == 800 - sum(sample.values())
    accept(play)
    await work(play)
    assert (await play.status(campaign_id), actions(play, campaign_id)) == ("preparing", [])


async def test_everybody_gets_the_text_that_was_drawn(play: Play) -> None:
    campaign_id = await begun(play)
    for variant, content in play.rows(
        "SELECT r.variant, m.content FROM campaign_recipients r JOIN messages m ON m.group_id = r.campaign_id"
        " AND m.address = r.address WHERE r.campaign_id = ? AND m.group_id <> ''",
        campaign_id,
    ):
        assert ("Dear" in content) == (variant == 2)


async def test_the_winner_goes_to_the_rest_after_the_wait(play: Play) -> None:
    campaign_id = await begun(play)
    accept(play)
    replies(play, campaign_id, of={"plain": 0.1, "warm": 0.4})
    await hours_later(play)
    assert actions(play, campaign_id) == ["winner"]
    rest = texts(play, campaign_id, "rest")
    assert set(rest) == {"warm"}
    assert sum(rest.values()) + sum(texts(play, campaign_id, "sample").values()) == 800
    assert (await play.status(campaign_id), state(play, campaign_id)) == ("sending", "done")
    accept(play)
    assert len(set(play.addresses(campaign_id))) == 800
    assert {one for (one,) in play.rows("SELECT min(variant) FROM campaign_recipients")} == {1}


@pytest.mark.parametrize(("otherwise", "rest"), [("evenly", {"plain", "warm"}), ("first", {"plain"})])
async def test_without_a_winner_the_leader_is_not_taken_for_one(play: Play, otherwise: str, rest: set[str]) -> None:
    campaign_id = await begun(play, otherwise=otherwise)
    accept(play)
    replies(play, campaign_id, of={"plain": 0.2, "warm": 0.22})
    await hours_later(play)
    assert actions(play, campaign_id) == [otherwise]
    assert set(texts(play, campaign_id, "rest")) == rest


async def test_few_people_never_have_a_winner(play: Play) -> None:
    campaign_id = await begun(play, 60, sample=SampleSize(percent=100))
    accept(play)
    replies(play, campaign_id, of={"warm": 1.0})
    await hours_later(play)
    assert actions(play, campaign_id) == ["evenly"]
    ((verdict,),) = play.rows("SELECT verdict FROM experiment_looks")
    assert msgspec.json.decode(verdict)["winner"] == ""
    assert await play.status(campaign_id) == "sending"


async def test_a_pause_after_everybody_has_a_message_ends_where_it_began(play: Play) -> None:
    # All of them are of the sample, so the walk through the rest has found nobody and stands before all rows.
    campaign_id = await begun(play, 60, sample=SampleSize(percent=100))
    accept(play)
    await hours_later(play)
    assert (state(play, campaign_id), await play.status(campaign_id)) == ("done", "sending")
    await play.campaigns.pause(play.yard.workspace_id, campaign_id)
    assert (await play.campaigns.resume(play.yard.workspace_id, campaign_id))["status"] == "sending"


async def test_what_was_decided_is_carried_out_after_a_crash_and_once_only(play: Play) -> None:
    campaign_id = await begun(play)
    accept(play)
    replies(play, campaign_id, of={"plain": 0.1, "warm": 0.4})
    looker = play.expander(look_pause_ms=0)
    play.yard.database.write_now(lambda tx: tx.run("UPDATE messages SET sent_at = sent_at - ?", (2 * HOUR,)))
    play.yard.database.write_now(
        lambda tx: tx.run("UPDATE inbound_messages SET received_at = received_at - ?", (2 * HOUR,))
    )
    await looker.round()
    assert (actions(play, campaign_id), texts(play, campaign_id, "rest")) == (["winner"], {})
    # That process is gone; two others find what was decided, at the same time.
    one, other = play.expander(look_pause_ms=0), play.expander(look_pause_ms=0)
    while any([await one.round(), await other.round()]):
        pass
    assert actions(play, campaign_id) == ["winner"]
    assert set(texts(play, campaign_id, "rest")) == {"warm"}
    assert len(play.addresses(campaign_id)) == len(set(play.addresses(campaign_id))) == 800


async def test_a_pause_between_sample_and_rest_loses_nobody(play: Play) -> None:
    campaign_id = await begun(play)
    accept(play)
    await play.campaigns.pause(play.yard.workspace_id, campaign_id)
    await hours_later(play)
    assert actions(play, campaign_id) == []
    assert (await play.campaigns.resume(play.yard.workspace_id, campaign_id))["status"] == "preparing"
    await work(play)
    await work(play)
    assert len(play.addresses(campaign_id)) == 800


async def test_thompson_leans_to_the_better_text_step_by_step(play: Play) -> None:
    campaign_id = await begun(play, 1500, then="thompson", sample=SampleSize(people=300))
    for _ in range(12):
        accept(play)
        replies(play, campaign_id, of={"plain": 0.1, "warm": 0.2})
        await hours_later(play)
        if state(play, campaign_id) == "done":
            break
    found = play.rows("SELECT action, shares, seed FROM experiment_looks ORDER BY id")
    assert {action for action, _, _ in found} == {"thompson"}
    assert len(found) > 2
    assert len({seed for _, _, seed in found}) == len(found)
    shares = [msgspec.json.decode(stored, type=dict[int, float]) for _, stored, _ in found]
    assert shares[-1][2] > 0.8
    # Chance may leave the other text nobody at all.
    rest = texts(play, campaign_id, "rest")
    assert rest["warm"] > rest.get("plain", 0)
    assert len(play.addresses(campaign_id)) == 1500


async def test_people_who_were_not_reached_do_not_keep_the_result_waiting(play: Play) -> None:
    campaign_id = await begun(play)
    refused = {address for place, address in enumerate(play.addresses(campaign_id)) if place % 40 == 0}

    def verdict(message: Claimed) -> MessageStatus:
        return MessageStatus.FAILED if message.to.value in refused else MessageStatus.SENT

    play.hand_over(verdict)
    replies(play, campaign_id, of={"plain": 0.1, "warm": 0.4})
    await hours_later(play)
    assert actions(play, campaign_id) == ["winner"]


@pytest.mark.parametrize(
    ("variants", "change", "code"),
    [
        (TEXTS[:1], {}, "bad_variants"),
        ((TEXTS[0], TEXTS[0]), {}, "same_name"),
        ((TEXTS[0], Variant(name=" ", text="Ho")), {}, "bad_name"),
        ((TEXTS[0], Variant(name="b")), {}, "text_or_template"),
        ((TEXTS[0], Variant(name="b", text="Ho", share=1.0)), {}, "bad_share"),
        ((Variant(name="a", text="Hi", share=0.2), Variant(name="b", text="Ho", share=0.2)), {}, "bad_share"),
        ((TEXTS[0], Variant(name="b", text="Ho {city}")), {}, "missing_column"),
        (TEXTS, {"metric": "clicked"}, "no_link"),
        (TEXTS, {"metric": "read"}, "no_such_metric"),
        (TEXTS, {"expected_rate": 0.9, "lift": 0.5}, "bad_rate"),
        (TEXTS, {"wait_minutes": 0}, "bad_number"),
        (TEXTS, {"sample": SampleSize(people=0)}, "bad_number"),
        (TEXTS, {"sample": SampleSize(percent=101)}, "bad_number"),
        (TEXTS, {"sample": SampleSize(people=5, percent=5)}, "people_or_percent"),
        ((), {}, "bad_variants"),
    ],
)
async def test_what_cannot_be_compared_is_refused(play: Play, variants: Any, change: Any, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        await play.draft(sheet(3), text=None, variants=variants, plan=compared(**change))
    assert refused.value.errors[0].code == code
    assert play.rows("SELECT 1 FROM campaigns") == []


async def test_texts_belong_to_the_variants_and_waves_to_other_campaigns(play: Play) -> None:
    for options, code in (
        ({"variants": TEXTS, "plan": compared(), "text": "Hi"}, "text_and_variants"),
        ({"variants": TEXTS, "text": None}, "no_experiment"),
        (
            {"variants": TEXTS, "text": None,
             "plan": msgspec.structs.replace(compared(), waves=(Wave(percent=5.0),))},
            "not_with_experiment",
        ),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            await play.draft(sheet(3), **options)
        assert refused.value.code == code


async def test_somebody_who_lacks_a_value_for_one_text_gets_none_of_them(play: Play) -> None:
    csv = b"phone,name,city\n0912000001,Lin,Taipei\n0912000002,,Taipei\n0912000003,Wu,\n"
    variants = (TEXTS[0], Variant(name="local", text="News from {city}, {name|you}"))
    campaign_id = await play.draft(csv, text=None, variants=variants, plan=compared())
    assert [code for (code,) in play.rows("SELECT code FROM campaign_recipients ORDER BY row")] == [
        "", "missing_value", "missing_value",
    ]  # fmt: skip
    found = await play.campaigns.preflight(play.yard.workspace_id, campaign_id)
    sizes = [check.detail for check in found.checks if check.check == "size"]
    assert [detail.split(":")[0] for detail in sizes] == ["plain", "local"]
    assert [check.level for check in found.checks if check.check == "experiment"] == ["warn"]
    assert {message.content.body for message in found.sample} == {"Hi Lin", "News from Taipei, Lin"}


async def test_the_cost_reaches_from_the_cheapest_to_the_dearest_text(play: Play) -> None:
    variants = (TEXTS[0], Variant(name="long", text="Dear {name}, " + "we have news. " * 20))
    campaign_id = await play.draft(sheet(10), text=None, variants=variants, plan=compared())
    found = await play.campaigns.preflight(play.yard.workspace_id, campaign_id)
    assert found.cost is not None
    assert (str(found.cost.low), str(found.cost.high)) == ("0.50", "1.00")


async def test_a_copy_compares_the_same_and_a_deleted_draft_leaves_nothing(play: Play) -> None:
    changes = Changes(play.yard.database, play.yard.directory)
    campaign_id = await play.draft(sheet(5), text=None, variants=TEXTS, plan=compared())
    copy = await changes.duplicate(play.yard.workspace_id, campaign_id)
    await work(play)
    await changes.delete(play.yard.workspace_id, campaign_id)
    assert play.rows("SELECT campaign_id, name FROM campaign_variants ORDER BY number") == [
        (copy["id"], "plain"), (copy["id"], "warm"),
    ]  # fmt: skip
    await changes.delete(play.yard.workspace_id, copy["id"])
    assert play.rows("SELECT 1 FROM campaign_variants UNION ALL SELECT 1 FROM templates") == []


async def test_where_a_person_is_asked_the_rest_waits_for_the_word(play: Play) -> None:
    experiments = Experiments(play.yard.database)
    workspace_id = play.yard.workspace_id
    campaign_id = await begun(play, then="ask")
    accept(play)
    replies(play, campaign_id, of={"plain": 0.1, "warm": 0.4})
    await hours_later(play)
    asked = await play.get(campaign_id)
    assert (asked["status"], asked["experiment"]["state"]) == ("paused", "asking")
    assert "warm is better than every other variant" in asked["pause_reason"]
    assert texts(play, campaign_id, "rest") == {}
    with pytest.raises(Invalid, match="Expected one of plain, warm, found 'cold'"):
        await experiments.choose(workspace_id, campaign_id, "cold")
    chosen = await experiments.choose(workspace_id, campaign_id, "plain", by="Mina")
    assert (chosen["status"], chosen["experiment"]["winner"]) == ("preparing", "plain")
    await work(play)
    assert set(texts(play, campaign_id, "rest")) == {"plain"}
    with pytest.raises(Conflict) as late:
        await experiments.choose(workspace_id, campaign_id, None)
    assert late.value.code == "nothing_to_decide"
    record = await experiments.report(workspace_id, campaign_id)
    assert [look["action"] for look in record["looks"]] == ["asked", "chosen"]
    assert (record["decision"]["action"], record["decision"]["by"]) == ("chosen", "Mina")
    assert record["decision"]["shares"] == {"plain": 1.0}


async def test_somebody_may_decide_before_the_wait_is_over_and_a_pause_by_hand_stays(play: Play) -> None:
    campaign_id = await begun(play)
    accept(play)
    await play.campaigns.pause(play.yard.workspace_id, campaign_id)
    chosen = await Experiments(play.yard.database).choose(play.yard.workspace_id, campaign_id, None, by="Mina")
    assert (chosen["status"], chosen["experiment"]["state"]) == ("paused", "rest")
    await play.campaigns.resume(play.yard.workspace_id, campaign_id)
    await work(play)
    assert set(texts(play, campaign_id, "rest")) == {"plain", "warm"}
    assert len(play.addresses(campaign_id)) == 800


async def test_the_record_counts_from_rows_what_each_text_did_within_its_time(play: Play) -> None:
    experiments = Experiments(play.yard.database)
    campaign_id = await begun(play, 40, sample=SampleSize(percent=100))
    accept(play)
    before = await experiments.report(play.yard.workspace_id, campaign_id)
    assert [(one["rate"], one["posterior"]) for one in before["variants"]] == [(None, []), (None, [])]
    mine = play.rows(
        "SELECT m.id, m.address, m.sent_at FROM campaign_recipients r JOIN messages m ON m.group_id = r.campaign_id"
        " AND m.address = r.address WHERE r.variant = 1 AND m.group_id <> '' ORDER BY m.address"
    )

    def happen(tx: Transaction) -> None:
        for place, (id_, address, sent_at) in enumerate(mine):
            tx.run("UPDATE messages SET delivered_at = ? WHERE id = ?", (sent_at + 5, id_))
            if place < 4:  # two of them too late
                at = sent_at + (5 if place < 2 else 2 * HOUR)
                tx.run(
                    "INSERT INTO events (workspace_id, message_id, kind, status, at)"
                    " VALUES (?, ?, 'report', 'read', ?)",
                    (play.yard.workspace_id, id_, at),
                )
            if place == 3:
                tx.run(
                    "INSERT INTO suppressions (id, workspace_id, address, reason, created_at)"
                    " VALUES ('s', ?, ?, 'opted_out', ?)",
                    (play.yard.workspace_id, address, sent_at + 5),
                )

    play.yard.database.write_now(happen)
    said(play, mine[0][1])
    found = (await experiments.report(play.yard.workspace_id, campaign_id))["variants"][0]
    assert (found["people"], found["delivered"], found["read"]) == (len(mine), len(mine), 2)
    assert (found["replied"], found["clicked"], found["opted_out"]) == (1, 0, 1)
    cost = f"{len(mine) * 5 / 100:.2f}"
    assert found["costs"] == [{"amount": cost, "currency": "USD"}]
    assert found["cost_per_reply"] == {"amount": f"{float(cost):.4f}", "currency": "USD"}
    await hours_later(play)
    record = await experiments.report(play.yard.workspace_id, campaign_id)
    after = record["variants"][0]
    assert after["rate"] == pytest.approx(1 / len(mine))
    assert len(after["posterior"]) > 50
    assert sum(one["chance_to_be_best"] for one in record["variants"]) == pytest.approx(1)
    assert "Too few people" in record["verdict"]["reason"]
    with pytest.raises(Conflict) as other:
        await experiments.report(play.yard.workspace_id, await play.draft(sheet(1)))
    assert other.value.code == "no_experiment"


async def test_clicks_of_people_are_compared_where_every_text_has_a_link(play: Play) -> None:
    await LinkDesk(play.yard).add()
    variants = (Variant(name="plain", text="Hi {link.sale}"), Variant(name="warm", text="Dear you, {link.sale}"))
    with pytest.raises(Invalid) as refused:
        await play.draft(sheet(3), text=None, variants=(variants[0], TEXTS[1]), plan=compared(metric="clicked"))
    assert refused.value.errors[0].pointer == "/experiment/variants/1"
    campaign_id = await begun(play, variants=variants, metric="clicked")
    accept(play)

    def follow(tx: Transaction) -> None:
        tx.run(
            "INSERT INTO link_clicks (workspace_id, link_id, use_no, row, campaign_id, reason, device, place, at)"
            " SELECT r.workspace_id, 'l', 1, r.row, r.campaign_id, CASE WHEN r.variant = 1 THEN 'crawler' ELSE '' END,"
            " '', '', m.sent_at - 7199000 FROM campaign_recipients r JOIN messages m ON m.group_id = r.campaign_id"
            " AND m.address = r.address WHERE r.campaign_id = ? AND m.group_id <> ''",
            (campaign_id,),
        )

    play.yard.database.write_now(follow)
    await hours_later(play)
    record = await Experiments(play.yard.database).report(play.yard.workspace_id, campaign_id)
    assert (record["verdict"]["winner"], record["decision"]["shares"]) == ("warm", {"warm": 1.0})
    assert record["variants"][0]["clicked"] == 0 < record["variants"][1]["clicked"]


async def test_the_dearest_text_decides_whether_somebody_has_to_approve(play: Play) -> None:
    workspace_id = play.yard.workspace_id
    await Approvals(play.yard.database, play.yard.directory).set_policy(
        workspace_id, recipients=None, cost="0.60", currency="USD"
    )
    variants = (TEXTS[0], Variant(name="long", text="Dear {name}, " + "we have news. " * 20))
    campaign_id = await play.draft(sheet(10), text=None, variants=variants, plan=compared())
    started = await play.campaigns.start(workspace_id, campaign_id)
    assert (started["status"], (await play.get(campaign_id))["approval"]["state"]) == ("draft", "requested")


async def test_fewer_opt_outs_can_win_too(play: Play) -> None:
    campaign_id = await begun(play, metric="not_opted_out", expected_rate=0.7, lift=0.3)
    accept(play)

    def stop(tx: Transaction) -> None:
        tx.run(
            "INSERT INTO suppressions (id, workspace_id, address, reason, created_at)"
            " SELECT 's' || m.address, m.workspace_id, m.address, 'opted_out', m.sent_at - 7199000"
            " FROM campaign_recipients r JOIN messages m ON m.group_id = r.campaign_id AND m.address = r.address"
            " WHERE r.variant = 2 AND m.group_id <> '' AND m.sent_at IS NOT NULL"
        )

    play.yard.database.write_now(stop)
    await hours_later(play)
    assert set(texts(play, campaign_id, "rest")) == {"plain"}


async def test_nobody_looks_twice_within_the_pause_and_not_without_new_people(play: Play) -> None:
    campaign_id = await begun(play)
    play.hand_over(lambda _message: MessageStatus.SENT, limit=300)
    play.yard.database.write_now(lambda tx: tx.run("UPDATE messages SET sent_at = sent_at - ?", (2 * HOUR,)))
    row = await play.yard.database.read(active_campaigns)
    looking = Looking(play.yard.database)
    later = now_ms()
    assert await looking.look(row[0], now=later) == "looked"
    assert await Looking(play.yard.database).look(row[0], now=later) == ""
    assert await looking.look(row[0], now=later + 59_000) == ""
    assert await looking.look(row[0], now=later + 61_000) == ""
    assert actions(play, campaign_id) == ["looked"]


async def test_preflight_says_whether_the_sample_is_enough(play: Play) -> None:
    workspace_id = play.yard.workspace_id
    for sample, level in ((SampleSize(percent=100), "ok"), (SampleSize(people=200), "warn"), (SampleSize(), "ok")):
        campaign_id = await play.draft(sheet(1200), text=None, variants=TEXTS, plan=compared(lift=0.8, sample=sample))
        found = await play.campaigns.preflight(workspace_id, campaign_id)
        assert [check.level for check in found.checks if check.check == "experiment"] == [level]
