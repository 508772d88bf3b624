"""
What the demo shows of rules: advertising to three people in Korea, prepared and not sent.
"""

from collections.abc import Iterable

from sendyard.bootstrap import Yard
from sendyard.cli.demo_people import SUPPRESSED, Person
from sendyard.cli.showing import Show
from sendyard.delivery.forecast import forecast
from sendyard.delivery.preflight import Draft
from sendyard.domain.channels import Purpose
from sendyard.domain.content import Text
from sendyard.domain.countries.situation import ConsentKind
from sendyard.storage.identifiers import now_ms

_AGREED = (ConsentKind.MARKETING, ConsentKind.NIGHT)
"""Both, so that the demo shows the same at every hour of the day."""


async def show_rules(yard: Yard, workspace_id: str, everybody: Iterable[Person], show: Show) -> None:
    """Tell the facts that Korea asks for, record two consents, and say what a preflight makes of an offer to three."""
    free = (person for position, person in enumerate(everybody) if position not in SUPPRESSED)
    koreans = [person for person in free if person.country == "KR"][:3]
    told = {"business": "데모상점", "opt_out_number": "080-000-0000"}
    await yard.workspace_facts.change(workspace_id, told, by="demo")
    for person in koreans[:-1]:
        for kind in _AGREED:
            await yard.consents.add(
                workspace_id, to=person.e164, kind=kind, source="order form", evidence="box ticked, wording 1"
            )
    drafts = [
        Draft(to=person.e164, content=Text("이번 주 10% 할인"), purpose=Purpose.PROMOTIONAL) for person in koreans
    ]
    found = forecast(yard.directory, await yard.intake.examine(workspace_id, drafts), now_ms())
    left_out = "; ".join(f"{line.count} {line.rule.id}" for line in found.rules if line.level == "block")
    show.step(
        f"An offer to {len(koreans)} people in Korea would reach {found.messages}, who agreed to it; left out by rule: "
        f"{left_out}. It would read {' / '.join(found.sample[0].content.body.splitlines())}"
    )
