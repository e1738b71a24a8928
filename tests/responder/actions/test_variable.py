"""A variable's value leaves the store once it was set, or when its plan is too old."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bot.responder.actions import variable
from bot.responder.actions.variable import forget_old_values
from bot.responder.remediation import carry_out
from bot.responder.services import Services
from bot.store import remediations
from tests.responder.flows import (
    ANA,
    confirmed,
    memory,
    planned,
    services_of,
)


def test_a_variables_value_is_gone_from_the_store_once_it_was_set(tmp_path: Path) -> None:
    airflow = memory()
    services = services_of(airflow, tmp_path)
    plan = planned(variable.plan_variable(services, ANA, "prod", "batch", "s3cret-value", "C1"))
    assert "s3cret" not in repr(plan.changes)
    carry_out.carry_on(services, confirmed(services, plan), lambda _: None)
    with services.store.read() as t:
        found = remediations.plan(t, plan.id)
    assert found is not None
    assert "s3cret" not in repr(found)
    assert airflow.settings == {"batch": "s3cret-value"}


def test_a_value_that_nobody_confirmed_is_gone_when_its_plan_is_too_old(tmp_path: Path) -> None:
    services = services_of(memory(), tmp_path)
    plan = planned(variable.plan_variable(services, ANA, "prod", "batch", "s3cret-value", "C1"))
    now = services.clock()
    forget_old_values(services)
    kept = _kept(services, plan.id)
    assert "s3cret" in kept, "it can still be confirmed"
    services.clock = lambda: now + timedelta(minutes=11)
    forget_old_values(services)
    assert "s3cret" not in _kept(services, plan.id)


def _kept(services: Services, plan_id: str) -> str:
    with services.store.read() as t:
        return repr(remediations.plan(t, plan_id))
