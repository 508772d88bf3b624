"""
For tests about anything but hours: a workspace that has set the hours of advertising aside, as far as the law lets it.
"""

from sendyard.domain.countries.registry import RULES
from sendyard.domain.countries.rules import Aspect, Waiver
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction
from tests.yard import Yard

HOURS = sorted(rule.id for rule in RULES.values() if rule.aspect is Aspect.TIME and rule.waiver is not Waiver.NOBODY)


async def at_any_hour(yard: Yard) -> None:
    """Let advertising go to Taiwan, and to countries without a pack of their own, at whatever time the tests run."""
    now = now_ms()

    def work(tx: Transaction) -> None:
        tx.run(
            "INSERT INTO workspace_facts (workspace_id, revision, updated_at) VALUES (?, 1, ?)",
            (yard.workspace_id, now),
        )
        tx.run_many(
            "INSERT INTO waivers (id, workspace_id, rule, who, role, reason, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(new_id(), yard.workspace_id, rule, "A test", "owner", "tests run at any hour", now) for rule in HOURS],
        )

    await yard.database.write(work)
    await yard.directory.refresh()
