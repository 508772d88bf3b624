"""
A preflight as people read it: what was checked, what rules said, what it costs and when it ends.
"""

from typing import Any

from sendyard.cli.printing import facts, say, table, when
from sendyard.delivery.costs import CostRange, RouteCost
from sendyard.delivery.forecast import Forecast
from sendyard.delivery.rule_lines import Example, RuleLine
from sendyard.domain.content import TemplateRef


def show_forecast(found: Forecast) -> None:
    """Print everything a forecast says."""
    table(
        ("check", "", "messages", "what to do"),
        [(c.detail, c.level.value, c.count, c.fix) for c in found.checks],
        empty="Nothing was checked.",
    )
    told = {example for line in found.rules for example in line.examples}
    for check in found.checks:
        for example in check.examples:
            if example not in told:  # the rules below tell theirs
                say(f"  {check.check}: {_example(example)}")
    for line in found.rules:
        say("")
        _show_rule(line)
    say("")
    facts(
        {
            "messages": f"{found.messages:,}",
            "parts": f"{found.parts:,}",
            "cost": ", ".join(map(_amounts, found.costs)) or "not known",
            "would end": when(found.finish_at),
        }
    )
    if found.cost_note:
        say(found.cost_note)
    for route in found.routes if len(found.routes) > 1 or found.cost_note else ():
        say(f"{' > '.join(route.accounts)}: {route.messages:,} messages, {_cost(route)}")
    for at, messages in found.deferrals:
        say(f"{messages:,} wait until {when(at)} or the hour after it")
    for message in found.sample:
        say(f"{message.to.value}  {_text(message.content)}")


def _show_rule(line: RuleLine) -> None:
    rule = line.rule
    doubt = ", our sources are weak" if rule.uncertain else ""
    say(f"{rule.id}: {line.level} for {line.count:,}. {rule.what} ({rule.source}{doubt})")
    for example in line.examples:
        say(f"  {_example(example)}")
    say(f"  To satisfy it: {rule.satisfy}")
    say(f"  May be set aside by: {rule.waiver.value}")


def _example(example: Example) -> str:
    place = example.to if example.row is None else f"row {example.row}, {example.to}"
    return f"{place}: {example.detail}" if example.detail else place


def _cost(route: RouteCost) -> str:
    """One range, or what it would be through each of the accounts."""
    if route.cost is not None:
        return _amounts(route.cost)
    return ", ".join(one.told for one in route.by_account)


def _amounts(cost: CostRange) -> str:
    return f"{cost.low} to {cost.high} {cost.currency}"


def _text(content: Any) -> str:
    return str(content.name if isinstance(content, TemplateRef) else content.body)
