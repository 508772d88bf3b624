"""
Pages in one file: what they say, and that nothing in them comes from elsewhere.
"""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from sendyard.console import experiment_paper, preflight_paper
from sendyard.console.curves import HEIGHT, WIDTH, posterior_plot, waiting_hours
from sendyard.domain.experiments.comparison import Tally, chances_to_be_best, posterior
from sendyard.features.campaigns.experiments.terms import Experiment

NOON = 1_795_348_800_000  # 2026-11-22 12:00 UTC
SUM = {"low": "3.30", "high": "4.95", "currency": "USD"}
EMPTY = {"br", "hr", "img", "input", "line", "link", "meta", "polyline", "rect"}


class _Reader(HTMLParser):
    """Reads a page as a browser does, and complains of what a browser would repair in silence."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def read(page: str) -> tuple[str, _Reader]:
    """What a reader sees, spaces pressed together, and the tags."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return " ".join(" ".join(reader.words).split()), reader


def rule(**changes: Any) -> dict[str, Any]:
    return {
        "id": "kr.label", "level": "block", "count": 1200, "what": "Advertising begins with a label.",
        "detail": "The label is missing. See `sendyard rules show kr.label`.", "satisfy": "Put (광고) in front.",
        "fix": "`sendyard compliance set`", "waivable_by": "manager", "uncertain": False, "source": "Network Act",
        "source_url": "https://law.example/50", "examples": [{"row": 7, "to": "+821***001", "detail": "No label."}],
    } | changes  # fmt: skip


def preflight(**changes: Any) -> dict[str, Any]:
    return {
        "checks": [
            {"check": "address", "level": "ok", "count": 0, "detail": "Good: every address can be reached.", "fix": "",
             "examples": []},
            {"check": "rules", "level": "block", "count": 1200, "detail": "A rule forbids it.", "fix": "See below.",
             "examples": [{"row": 7, "to": "+821***001", "detail": "No label."},
                          {"row": None, "to": "+821***002", "detail": "No label."}]},
        ],
        "messages": 300, "parts": 450, "cost": SUM, "costs": [SUM], "cost_note": "",
        "finish_at": NOON, "sample": [{"to": "+821000000001", "text": "<b>50 %</b>\n& more", "parts": 2,
                                       "encoding": "CP949"}],
        "rules": [rule()], "deferrals": [], "examined": 1500, "complete": True,
        "routes": [{"accounts": ["a", "b"], "messages": 300, "parts": 450, "cost": SUM, "by_account": [],
                    "cost_note": ""}],
    } | changes  # fmt: skip


def paper(found: dict[str, Any], **given: Any) -> tuple[str, _Reader]:
    return read(preflight_paper(found, **{"name": "Autumn", "waivers": [], "now_ms": NOON, **given}))


def record(tallies: dict[str, Tally], **changes: Any) -> dict[str, Any]:
    chances = chances_to_be_best(tallies) if tallies else {}
    names = list(tallies) or ["plain", "warm"]
    return {
        "told": "No winner yet.",
        "terms": Experiment(metric="replied", expected_rate=0.05, lift=0.2),
        "people_needed": 8155, "decision": None, "verdict": None, "looks": [], "next_look_at": None,
        "variants": [
            {"name": name, "template": None, "text": f"Dear {{name}}, {name}", "assigned": 1000, "people": 900,
             "delivered": 890, "read": 0, "replied": 45, "clicked": 0, "opted_out": 1, "costs": [],
             "cost_per_reply": None, "rate": tallies[name].successes / tallies[name].people if tallies else None,
             "chance_to_be_best": chances.get(name),
             "posterior": [{"rate": rate, "density": density} for rate, density in
                           (posterior(tallies[name]) if tallies else ())]}
            for name in names
        ],
    } | changes  # fmt: skip


def test_a_preflight_says_first_whether_it_may_start() -> None:
    stopped, _ = paper(preflight())
    assert "It cannot start like this. 1 check stops it; each says what to do." in stopped
    free, reader = paper(preflight(checks=preflight()["checks"][:1], rules=[]))
    assert "It may start. 300 of 1,500 would be reached." in free
    assert "No rule has anything to say." in free
    assert reader.words[reader.words.index("May start: Autumn")]


def test_a_preflight_tells_cost_end_and_every_route() -> None:
    seen, _ = paper(preflight())
    assert "Cost 3.30 to 4.95 USD The last" in seen
    assert "2026-11-22 12:00 UTC" in seen
    assert "a → b 300 450 3.30 to 4.95 USD" in seen
    same = {"low": "1.00", "high": "1.00", "currency": "KRW"}
    seen, _ = paper(preflight(cost=same, costs=[same], finish_at=None, complete=False))
    assert "Cost 1.00 KRW The last one leaves not known" in seen
    assert "Only the first 1,500 were looked at." in seen


def test_where_there_is_no_single_sum_a_preflight_tells_each_currency_and_why() -> None:
    note = "Two currencies. No price is entered for c."
    prices = [("a", "4.50", "USD"), ("b", "90", "TWD"), ("c", None, "USD")]
    each = [{"account": name, "amount": amount, "currency": currency} for name, amount, currency in prices]
    route = {"accounts": ["a", "b", "c"], "messages": 300, "parts": 450, "cost": None, "by_account": each,
             "cost_note": note}  # fmt: skip
    costs = [{"low": "0", "high": "90", "currency": "TWD"}, {"low": "0", "high": "4.50", "currency": "USD"}]
    seen, _ = paper(preflight(cost=None, costs=costs, cost_note=note, routes=[route]))
    assert "Cost 0 to 90 TWD, 0 to 4.50 USD The last" in seen
    assert note in seen
    assert "a → b → c 300 450 4.50 USD through a, 90 TWD through b, not known through c" in seen
    seen, _ = paper(preflight(cost=None, costs=[], cost_note="Nobody would be reached.", routes=[]))
    assert "Cost not known The last one leaves 2026-11-22 12:00 UTC Nobody would be reached." in seen


def test_each_rule_has_its_reason_its_examples_and_its_way_out() -> None:
    seen, reader = paper(preflight())
    assert "1,200 messages: The label is missing. See sendyard rules show kr.label ." in seen
    assert "Put (광고) in front." in seen
    assert "7 +821***001 No label." in seen
    assert "A rule forbids it. For example row 7, +821***001; +821***002." in seen
    assert "May be set aside by: manager" in seen
    assert "Network Act, https://law.example/50" in seen
    assert [tag for tag, _ in reader.tags].count("code") == 2
    assert "not certain" not in seen


def test_a_rule_of_weak_sources_says_so() -> None:
    seen, _ = paper(preflight(rules=[rule(uncertain=True)]))
    assert "We are not certain of this rule: our sources for it are weak, old or in conflict." in seen


def test_who_set_a_rule_aside_and_why_stands_beside_it() -> None:
    waiver = {"rule": "kr.label", "who": "Lin Yi", "role": "owner", "reason": "asked for by <all> of them"}
    seen, _ = paper(preflight(rules=[rule(level="waived")]), waivers=[waiver])
    assert "Set aside by Lin Yi (owner): asked for by <all> of them" in seen
    assert "May be set aside by" not in seen


def test_what_waits_is_shown_hour_by_hour_against_the_fullest() -> None:
    deferrals = [{"at": NOON, "messages": 200}, {"at": NOON + 3_600_000, "messages": 50}]
    assert [(hour.messages, hour.share) for hour in waiting_hours(deferrals)] == [(200, 1.0), (50, 0.25)]
    assert waiting_hours([]) == []
    seen, reader = paper(preflight(deferrals=deferrals))
    assert "2026-11-22 12:00 UTC 200 2026-11-22 13:00 UTC 50" in seen
    assert [attributes["width"] for tag, attributes in reader.tags if tag == "rect"] == ["240.0", "60.0"]


def test_words_from_outside_are_never_markup() -> None:
    page = preflight_paper(preflight(), name="<script>alert(1)</script>", waivers=[], now_ms=NOON)
    assert "<script" not in page
    seen, _ = read(page)
    assert "<script>alert(1)</script>" in seen
    assert "<b>50 %</b> & more" in seen


@pytest.mark.parametrize(
    "page",
    [
        preflight_paper(preflight(), name="Autumn", waivers=[], now_ms=NOON),
        experiment_paper(record({"plain": Tally(900, 45), "warm": Tally(900, 70)}), name="Autumn", now_ms=NOON),
    ],
    ids=["preflight", "experiment"],
)
def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing(page: str) -> None:
    _, reader = read(page)
    policy = next(a["content"] for tag, a in reader.tags if tag == "meta" and "http-equiv" in a)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert not [tag for tag, _ in reader.tags if tag in {"script", "link", "img", "iframe", "object"}]
    assert not [a for _, a in reader.tags if "src" in a or any(name.startswith("on") for name in a)]
    assert not re.search(r"url\(", page)
    ids = [tag for tag, _ in reader.tags]
    assert ids.count("h1") == ids.count("main") == 1


def test_curves_lie_inside_the_plot_and_highest_at_the_rate_that_was_seen() -> None:
    found = record({"plain": Tally(900, 45), "warm": Tally(900, 90)})
    plot = posterior_plot(found["variants"])
    assert plot is not None
    assert plot.told == "What is believed of each: plain 5.0 %; warm 10.0 %."
    peaks = []
    for curve in plot.curves:
        points = [tuple(map(float, point.split(","))) for point in curve.points.split()]
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
        assert [x for x, _ in points] == sorted(x for x, _ in points)
        peaks.append(min(points, key=lambda point: point[1])[0])
    low, high = (float(label.removesuffix(" %")) for label in (plot.ticks[0][1], plot.ticks[-1][1]))
    for peak, rate in zip(peaks, (5.0, 10.0), strict=True):
        assert low + peak / WIDTH * (high - low) == pytest.approx(rate, abs=0.4)


def test_an_experiment_shows_its_texts_its_looks_and_what_was_decided() -> None:
    tallies = {"plain": Tally(900, 45), "warm": Tally(900, 90)}
    look = {
        "at": NOON, "action": "wait", "verdict": {"reason": "warm leads."}, "by": "", "seed": "",
        "shares": {"warm": 1.0},
        "tallies": {"plain": {"people": 900, "successes": 45, "rate": 0.05}},
    }  # fmt: skip
    decided = {"reason": "warm won.", "by": "Mina"}
    found = record(tallies, looks=[look], decision=decided, told="warm is better.")
    found["variants"][1] |= {"costs": [{"amount": "9.00", "currency": "USD"}],
                             "cost_per_reply": {"amount": "0.20", "currency": "USD"}, "template": "autumn"}  # fmt: skip
    seen, reader = read(experiment_paper(found, name="Autumn", now_ms=NOON))
    assert "warm is better. warm won. Decided by Mina." in seen
    assert "900 of 1,000" in seen
    assert "9.00 USD (0.20 USD a reply)" in seen
    assert "2026-11-22 12:00 UTC: wait warm leads." in seen
    assert "The rest gets: warm 100.0 %." in seen
    assert "plain 45 of 900 (5.0 %)" in seen
    assert "Dear {name}, warm" in seen
    (label,) = [a["aria-label"] for tag, a in reader.tags if a.get("role") == "img"]
    assert label == "What is believed of each: plain 5.0 %; warm 10.0 %."


def test_before_the_first_look_nothing_is_drawn() -> None:
    found = record({}, next_look_at=NOON)
    assert posterior_plot(found["variants"]) is None
    seen, reader = read(experiment_paper(found, name="Autumn", now_ms=NOON))
    assert "There has been no look yet, so nothing is known." in seen
    assert "None yet. The next is due at 2026-11-22 12:00 UTC." in seen
    assert "polyline" not in [tag for tag, _ in reader.tags]
