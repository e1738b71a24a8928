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
from bot.responder.services import Desk
from bot.store import remediations
from tests.given import ANA
from tests.responder.flows import AWAY, BEN, DAY, SILENT, Memory, Trouble, desk_of, memory

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
def desk(airflow: Backfilling, tmp_path: Path) -> Desk:
    return desk_of(airflow, tmp_path)


def confirmed(desk: Desk) -> Remediation:
    window = draft.Window(DAY - timedelta(days=DATES - 1), DAY)
    plan = backfill.plan_backfill(desk, ANA, "prod", "sales", window, "none", "C1")
    assert isinstance(plan, Plan), plan
    asked = plans.confirm(desk, ANA, plan.id)
    assert isinstance(asked, Remediation), asked
    return asked


def begun(desk: Desk) -> Remediation:
    return carry_out.carry_on(desk, confirmed(desk), lambda _: None)


def stopped(desk: Desk, remediation: Remediation) -> Remediation:
    """Ben presses Stop, and what is due then is carried on."""
    assert isinstance(plans.stop(desk, BEN, remediation.plan.id), Remediation)
    return carried_on(desk)


def carried_on(desk: Desk) -> Remediation:
    with desk.store.read() as t:
        (due,) = remediations.due(t, desk.clock() + timedelta(minutes=1))
    return carry_out.carry_on(desk, due, lambda _: None)


def test_a_stop_cancels_what_has_not_begun_and_says_what_ran(desk: Desk, airflow: Backfilling) -> None:
    done = begun(desk)
    assert (done.progress, done.can_stop) == (Progress.done, True)
    airflow.become("queued", "success", 1)
    airflow.become("queued", "failed", 1)
    airflow.become("queued", "running", 1)
    ended = stopped(desk, done)
    assert ("cancel", 1) in airflow.calls
    assert (ended.progress, ended.can_stop) == (Progress.partly, False)
    assert ended.answer == (
        "Ben stopped it. 3 of 6 dates were cancelled; of the others: 1 succeeded, 1 still running, 1 failed"
    )


def test_one_that_had_ended_meanwhile_is_not_told_as_cancelled(desk: Desk, airflow: Backfilling) -> None:
    done = begun(desk)
    airflow.become("queued", "success")
    airflow.ended_at = datetime.now(UTC)
    assert stopped(desk, done).answer == "Ben wanted to stop it, and it had ended already: 6 succeeded"


def test_an_airflow_that_is_away_is_asked_again_to_cancel(desk: Desk, airflow: Backfilling) -> None:
    done = begun(desk)
    airflow.trouble.extend([Trouble(AWAY), Trouble(SILENT, acts=True)])
    assert stopped(desk, done).progress is Progress.watching
    assert carried_on(desk).progress is Progress.watching
    ended = carried_on(desk)
    assert ended.answer == "Ben stopped it. 0 of 6 dates were cancelled; of the others: 6 failed or cancelled"


def test_what_airflow_refuses_goes_on_and_is_said(desk: Desk, airflow: Backfilling) -> None:
    done = begun(desk)
    airflow.trouble.append(Trouble(Permanent("Airflow (prod) answered 403: the bot may not cancel backfills", "403")))
    assert stopped(desk, done).answer.startswith("Ben asked to stop it, and it goes on: Airflow (prod) answered 403")


def test_it_is_stopped_once(desk: Desk) -> None:
    done = begun(desk)
    stopped(desk, done)
    assert isinstance(plans.stop(desk, BEN, done.plan.id), Refused)


def test_a_backfill_of_single_runs_on_airflow_2_has_nothing_to_cancel_once_they_are_asked_for(tmp_path: Path) -> None:
    desk = desk_of(memory(major=2, version="2.11.2", can_address_map_index=False, has_backfill=False), tmp_path)
    done = begun(desk)
    assert (done.progress, done.can_stop) == (Progress.done, False)
    assert isinstance(plans.stop(desk, BEN, done.plan.id), Refused)


# ---- an announcement


Shows = Callable[[bool], tuple[str, str]]


def announced(desk: Desk, show: Shows) -> list[bool]:
    """What the announcement was told about an earlier try, each time that it was to be shown."""
    told: list[bool] = []

    def shown(remediation: Remediation, channel: str, ref: str, where: str = "", *, posting: bool) -> tuple[str, str]:
        told.append(posting)
        return show(posting)

    announcements.announce(desk, shown)
    return told


def lost(_: bool) -> tuple[str, str]:
    raise SILENT


def certain(_: bool) -> tuple[str, str]:
    raise Temporary("Slack: not now", 1.0, acted=False)


def test_a_post_whose_answer_was_lost_is_looked_for_after_a_restart(airflow: Backfilling, tmp_path: Path) -> None:
    desk = desk_of(airflow, tmp_path)
    begun(desk)
    assert announced(desk, lost) == [False]
    again = desk_of(airflow, tmp_path)
    assert announced(again, certain) == [True]
    assert announced(again, lambda _: ("C1", "17.5")) == [True]
    assert announced(again, lambda _: ("C1", "17.5")) == []


def test_a_post_that_certainly_did_not_happen_is_not_looked_for(desk: Desk) -> None:
    begun(desk)
    assert announced(desk, certain) == [False]
    assert announced(desk, lambda _: ("C1", "17.5")) == [False]


def test_a_death_in_the_middle_of_a_post_leaves_its_mark(desk: Desk) -> None:
    begun(desk)

    def dies(_: bool) -> tuple[str, str]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        announced(desk, dies)
    assert announced(desk, lambda _: ("C1", "17.5")) == [True]
