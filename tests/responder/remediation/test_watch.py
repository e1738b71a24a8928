"""Stopping a backfill that Airflow runs by itself, and an announcement whose answer was lost before a restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.airflow.backfill import Backfill, BackfillDate
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.remediation import Plan, Progress, Remediation
from bot.responder.actions import backfill, draft
from bot.responder.alerts import announcements
from bot.responder.remediation import carry_out
from bot.responder.remediation import confirm as plans
from bot.responder.services import Services
from bot.store import remediations
from tests.given import ANA
from tests.responder.flows import AWAY, BEN, DAY, SILENT, Memory, Trouble, memory, services_of

DATES = 6


@dataclass
class Backfilling(Memory):
    """Remembers its backfill; a cancel ends what is queued as failed."""

    ended_at: datetime | None = None

    def backfill_state(self, backfill_id: int) -> Backfill | None:
        self._read()
        there = [run for run in self.runs_of.values() if run.run_id.startswith("backfill__")]
        dates = tuple(BackfillDate(run.logical_date or DAY, run.run_id, run.state) for run in there)
        return Backfill(backfill_id, "sales", dates=dates, completed_at=self.ended_at)

    def cancel_backfill(self, backfill_id: int) -> Backfill:
        after = self._write("cancel", backfill_id)
        self.become("queued", "failed")
        self.ended_at = datetime.now(UTC)
        if after:
            raise after
        found = self.backfill_state(backfill_id)
        assert found is not None
        return found

    def become(self, old: str, new: str, most: int = DATES) -> None:
        """The first runs of the backfill that are in a state come into another."""
        for key in [key for key, run in self.runs_of.items() if "backfill__" in key[1] and run.state == old][:most]:
            self.runs_of[key] = replace(self.runs_of[key], state=new)


@pytest.fixture
def airflow() -> Backfilling:
    return Backfilling(paused={"sales": False})


@pytest.fixture
def services(airflow: Backfilling, tmp_path: Path) -> Services:
    return services_of(airflow, tmp_path)


def confirmed(services: Services) -> Remediation:
    window = draft.Window(DAY - timedelta(days=DATES - 1), DAY)
    plan = backfill.plan_backfill(services, ANA, "prod", "sales", window, "none", "C1")
    assert isinstance(plan, Plan), plan
    asked = plans.confirm(services, ANA, plan.id)
    assert isinstance(asked, Remediation), asked
    return asked


def begun(services: Services) -> Remediation:
    return carry_out.carry_on(services, confirmed(services), lambda _: None)


def stopped(services: Services, remediation: Remediation) -> Remediation:
    """Ben presses Stop, and what is due then is carried on."""
    assert isinstance(plans.stop(services, BEN, remediation.plan.id), Remediation)
    return carried_on(services)


def carried_on(services: Services) -> Remediation:
    with services.store.read() as t:
        (due,) = remediations.due(t, services.clock() + timedelta(minutes=1))
    return carry_out.carry_on(services, due, lambda _: None)


def test_a_stop_cancels_what_has_not_begun_and_says_what_ran(services: Services, airflow: Backfilling) -> None:
    done = begun(services)
    assert (done.progress, done.can_stop) == (Progress.done, True)
    airflow.become("queued", "success", 1)
    airflow.become("queued", "failed", 1)
    airflow.become("queued", "running", 1)
    ended = stopped(services, done)
    assert ("cancel", 1) in airflow.calls
    assert (ended.progress, ended.can_stop) == (Progress.partly, False)
    assert ended.answer == (
        "Ben stopped it. 3 of 6 dates were cancelled; of the others: 1 succeeded, 1 still running, 1 failed"
    )


def test_one_that_had_ended_meanwhile_is_not_told_as_cancelled(services: Services, airflow: Backfilling) -> None:
    done = begun(services)
    airflow.become("queued", "success")
    airflow.ended_at = datetime.now(UTC)
    assert stopped(services, done).answer == "Ben wanted to stop it, and it had ended already: 6 succeeded"


def test_an_airflow_that_is_away_is_asked_again_to_cancel(services: Services, airflow: Backfilling) -> None:
    done = begun(services)
    airflow.trouble.extend([Trouble(AWAY), Trouble(SILENT, acts=True)])
    assert stopped(services, done).progress is Progress.watching
    assert carried_on(services).progress is Progress.watching
    ended = carried_on(services)
    assert ended.answer == "Ben stopped it. 0 of 6 dates were cancelled; of the others: 6 failed or cancelled"


def test_what_airflow_refuses_goes_on_and_is_said(services: Services, airflow: Backfilling) -> None:
    done = begun(services)
    airflow.trouble.append(Trouble(Permanent("Airflow (prod) answered 403: the bot may not cancel backfills", "403")))
    assert stopped(services, done).answer.startswith(
        "Ben asked to stop it, and it goes on: Airflow (prod) answered 403"
    )


def test_it_is_stopped_once(services: Services) -> None:
    done = begun(services)
    stopped(services, done)
    assert isinstance(plans.stop(services, BEN, done.plan.id), Refused)


def test_a_backfill_of_single_runs_on_airflow_2_has_nothing_to_cancel_once_they_are_asked_for(tmp_path: Path) -> None:
    services = services_of(memory(major=2, version="2.11.2", can_address_map_index=False, has_backfill=False), tmp_path)
    done = begun(services)
    assert (done.progress, done.can_stop) == (Progress.done, False)
    assert isinstance(plans.stop(services, BEN, done.plan.id), Refused)


# ---- an announcement


Shows = Callable[[bool], tuple[str, str]]


def announced(services: Services, show: Shows) -> list[bool]:
    """What the announcement was told about an earlier try, each time that it was to be shown."""
    told: list[bool] = []

    def shown(remediation: Remediation, channel: str, ref: str, where: str = "", *, posting: bool) -> tuple[str, str]:
        told.append(posting)
        return show(posting)

    announcements.announce(services, shown)
    return told


def lost(_: bool) -> tuple[str, str]:
    raise SILENT


def certain(_: bool) -> tuple[str, str]:
    raise Temporary("Slack: not now", 1.0, acted=False)


def test_a_post_whose_answer_was_lost_is_looked_for_after_a_restart(airflow: Backfilling, tmp_path: Path) -> None:
    services = services_of(airflow, tmp_path)
    begun(services)
    assert announced(services, lost) == [False]
    again = services_of(airflow, tmp_path)
    assert announced(again, certain) == [True]
    assert announced(again, lambda _: ("C1", "17.5")) == [True]
    assert announced(again, lambda _: ("C1", "17.5")) == []


def test_a_post_that_certainly_did_not_happen_is_not_looked_for(services: Services) -> None:
    begun(services)
    assert announced(services, certain) == [False]
    assert announced(services, lambda _: ("C1", "17.5")) == [False]


def test_a_death_in_the_middle_of_a_post_leaves_its_mark(services: Services) -> None:
    begun(services)

    def dies(_: bool) -> tuple[str, str]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        announced(services, dies)
    assert announced(services, lambda _: ("C1", "17.5")) == [True]
