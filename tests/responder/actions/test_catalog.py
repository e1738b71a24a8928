"""The same plan always has the same steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bot.responder.actions import catalog
from tests.responder.flows import Memory, clear, memory, services_of
from tests.responder.remediation.test_carry_out import MANY


def test_steps_are_the_same_for_the_same_plan(tmp_path: Path) -> None:
    airflow = memory(mapped=MANY)
    plan = clear(services_of(airflow, tmp_path))
    turned = replace(plan, changes=plan.changes[::-1])
    assert catalog.steps_of(airflow, plan) == catalog.steps_of(airflow, turned)  # type: ignore[arg-type]
    two = Memory(can_address_map_index=False)
    assert [len(step.changes) for step in catalog.steps_of(two, plan)] == [MANY, 1]  # type: ignore[arg-type]
