"""Plans that wait for a second person, on SQLite and on a real PostgreSQL: one end each."""

from __future__ import annotations

from bot.core.remediation import Change, Plan, Standing
from bot.store import approvals, remediations
from bot.store.database import Store
from tests.given import ANA, BEN, NOW, at_once


def waiting(store: Store) -> Plan:
    plan = Plan("P-1", "pause", "prod", (Change("sales", "active", "paused"),), ANA, NOW)
    with store.write() as t:
        remediations.add_plan(t, plan)
        assert approvals.wait(t, plan, NOW)
        assert not approvals.wait(t, plan, NOW)
    return plan


def test_of_an_approval_and_a_taking_back_at_once_one_counts(store: Store) -> None:
    plan = waiting(store)

    def leave(standing: Standing) -> bool:
        with store.write() as t:
            return approvals.leave(t, plan.id, standing, BEN)

    ends = (Standing.approved, Standing.taken_back, Standing.expired)
    counted = at_once(*[lambda end=end: leave(end) for end in ends])
    assert sorted(counted) == [False, False, True]
    with store.read() as t:
        found = approvals.find(t, plan.id)
        assert approvals.waiting(t) == []
    assert found is not None
    assert found.standing is ends[counted.index(True)]
    assert found.plan == plan
