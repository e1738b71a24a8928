"""A confirmed plan is carried out in batches, exactly once, whatever goes wrong in between; and what was done is said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.airflow.protocol import TaskRef
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.remediation import Plan, Progress
from bot.responder.actions import backfill, catalog, dags, draft, mark, variable
from bot.responder.actions.catalog import past_sentence
from bot.responder.actions.clear import plan_clear
from bot.responder.remediation import carry_out
from bot.responder.remediation import confirm as plans
from bot.responder.services import Services
from tests.responder.flows import (
    ANA,
    AWAY,
    BEN,
    DAY,
    RUN,
    SILENT,
    Trouble,
    carried_on,
    clear,
    confirmed,
    memory,
    planned,
    services_of,
    whole,
)

MANY = 250


DEEDS: dict[str, tuple[Callable[[Services], Plan | Refused], int]] = {
    "clear": (lambda services: plan_clear(services, ANA, "prod", [whole()], "C1"), 1),
    "mark": (lambda services: mark.plan_mark(services, ANA, "prod", [TaskRef("sales", RUN, "load", 0)], "success", "C1"), 1),
    "mark run": (lambda services: mark.plan_mark_run(services, ANA, "prod", "sales", RUN, "success", "C1"), 1),
    "pause": (lambda services: dags.plan_pause(services, ANA, "prod", ["sales"], True, "C1"), 1),
    "trigger": (lambda services: dags.plan_trigger(services, ANA, "prod", "sales", {"n": 3}, "C1"), 1),
    "backfill": (lambda services: backfill.plan_backfill(
        services, ANA, "prod", "sales", draft.Window(DAY, DAY + timedelta(days=3)), "none", "C1"), 1),
    "variable": (lambda services: variable.plan_variable(services, ANA, "prod", "batch", "500", "C1"), 1),
}  # fmt: skip
ERRORS = {
    "401": Permanent("Airflow (prod) does not accept the bot's login (Not authenticated)", "401"),
    "403": Permanent("Airflow (prod) answered 403: the bot may not do that", "403"),
    "404": Permanent("Airflow (prod) answered 404: it is not there", "404"),
    "409": Permanent("Airflow (prod) answered 409: it is so already", "409"),
    "422": Permanent("Airflow (prod) did not accept it: state is wrong", "422"),
    "500": Temporary("Airflow (prod) failed with an error of its own (500: no reason given)", acted=None),
    "silent": SILENT,
    "away": AWAY,
}


@pytest.mark.parametrize("deed", DEEDS)
def test_every_deed_is_done_once_and_says_who(deed: str, tmp_path: Path) -> None:
    airflow = memory()
    services = services_of(airflow, tmp_path)
    plan = planned(DEEDS[deed][0](services))
    assert airflow.calls == [], "a preview wrote to Airflow"
    ended = carry_out.carry_on(services, confirmed(services, plan), lambda _: None)
    assert ended.progress in {Progress.done, Progress.watching}, ended
    assert len(airflow.calls) == DEEDS[deed][1]
    assert past_sentence(plan).startswith("Ana ")
    again = plans.confirm(services, ANA, plan.id)
    assert isinstance(again, Refused)
    assert "confirmed already" in again.reason
    assert len(airflow.calls) == DEEDS[deed][1]


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("error", ERRORS)
def test_whatever_airflow_answers_is_one_sentence_and_nothing_is_half_done(
    deed: str, error: str, tmp_path: Path
) -> None:
    """Refused: it is over, with Airflow's reason. Perhaps done, but not: it is asked again."""
    airflow = memory()
    services = services_of(airflow, tmp_path)
    plan = planned(DEEDS[deed][0](services))
    airflow.trouble.append(Trouble(ERRORS[error]))
    ended = carry_out.carry_on(services, confirmed(services, plan), lambda _: None)
    assert airflow.calls == []
    assert str(getattr(ERRORS[error], "message", "")) in ended.answer
    if isinstance(ERRORS[error], Permanent):
        assert ended.progress is Progress.failed
        return
    assert ended.progress is Progress.asked, "it is tried again"
    again = carried_on(services, plan.id)
    assert again.progress in {Progress.done, Progress.watching}
    assert len(airflow.calls) == 1


@pytest.mark.parametrize("deed", DEEDS)
def test_an_answer_lost_after_airflow_acted_is_read_back_and_never_asked_twice(deed: str, tmp_path: Path) -> None:
    airflow = memory()
    services = services_of(airflow, tmp_path)
    plan = planned(DEEDS[deed][0](services))
    airflow.trouble.append(Trouble(SILENT, acts=True))
    ended = carry_out.carry_on(services, confirmed(services, plan), lambda _: None)
    assert ended.progress in {Progress.done, Progress.watching}, ended
    assert len(airflow.calls) == 1


@pytest.mark.parametrize("deed", DEEDS)
def test_while_airflow_is_away_a_preview_is_refused_in_one_sentence(deed: str, tmp_path: Path) -> None:
    airflow = memory(away=AWAY)
    refused = DEEDS[deed][0](services_of(airflow, tmp_path))
    assert isinstance(refused, Refused)
    assert refused.reason == "Airflow (prod) cannot be reached"


def test_a_long_list_is_cleared_in_batches_of_one_run_each(tmp_path: Path) -> None:
    airflow = memory(mapped=MANY)
    services = services_of(airflow, tmp_path)
    plan = clear(services)
    ended = carry_out.carry_on(services, confirmed(services, plan), lambda _: None)
    assert [call[2] for call in airflow.calls] == [100, 100, MANY + 1 - 200]
    assert ended.steps == 3
    assert ended.progress is Progress.watching
    assert all("Ana" in note and plan.id in note for note in airflow.notes.values())


@pytest.mark.parametrize("acts", [True, False], ids=["it had acted", "it had not"])
def test_dying_between_two_batches_goes_on_behind_what_was_done(acts: bool, tmp_path: Path) -> None:
    airflow = memory(mapped=MANY)
    services = services_of(airflow, tmp_path)
    plan = clear(services)
    airflow.trouble.extend([None, Trouble(KeyboardInterrupt(), acts=acts)])  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        carry_out.carry_on(services, confirmed(services, plan), lambda _: None)
    ended = carried_on(services, plan.id)
    assert ended.progress is Progress.watching, ended
    assert sum(call[2] for call in airflow.calls) == MANY + 1, "a batch was cleared twice"
    assert "failed" not in airflow.states.values()


def test_airflow_away_between_two_batches_is_waited_for(tmp_path: Path) -> None:
    airflow = memory(mapped=MANY)
    services = services_of(airflow, tmp_path)
    plan = clear(services)
    airflow.trouble.extend([None, Trouble(AWAY)])
    waits = carry_out.carry_on(services, confirmed(services, plan), lambda _: None)
    assert (waits.progress, waits.steps) == (Progress.doing, 1)
    assert carried_on(services, plan.id).progress is Progress.watching
    assert [call[2] for call in airflow.calls] == [100, 100, MANY + 1 - 200]


def test_a_refusal_in_the_middle_says_what_was_done_and_what_was_not(tmp_path: Path) -> None:
    airflow = memory(mapped=MANY)
    services = services_of(airflow, tmp_path)
    airflow.trouble.extend([None, Trouble(ERRORS["403"])])
    ended = carry_out.carry_on(services, confirmed(services, clear(services)), lambda _: None)
    assert ended.answer == (
        "100 of 251 were done, 151 were not: Airflow (prod) answered 403: the bot may not do that. "
        "Not done: load[100..249], store"
    )
    assert ended.progress is Progress.watching, "what was cleared is followed"


def test_stop_ends_after_the_current_batch_and_is_said_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    airflow = memory(mapped=MANY)
    services = services_of(airflow, tmp_path)
    plan = clear(services)

    def act(*given: object) -> None:
        catalog.act(*given)  # type: ignore[arg-type]
        assert not isinstance(plans.stop(services, BEN, plan.id), Refused)

    monkeypatch.setattr(carry_out, "act", act)
    ended = carry_out.carry_on(services, confirmed(services, plan), lambda _: None)
    assert ended.answer.startswith("100 of 251 were done, 151 were not: Ben stopped it.")
    assert sum(state == "none" for state in airflow.states.values()) == 100
    for ref in airflow.states:
        if airflow.states[ref] == "none":
            airflow.states[ref] = "success"
    over = carried_on(services, plan.id)
    assert over.progress is Progress.partly
    assert over.answer.endswith("of those done 100 succeeded")


def test_a_stop_while_a_batch_was_in_flight_as_we_died_counts_that_batch(tmp_path: Path) -> None:
    airflow = memory(mapped=MANY)
    services = services_of(airflow, tmp_path)
    plan = clear(services)
    airflow.trouble.extend([None, Trouble(KeyboardInterrupt(), acts=True)])  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        carry_out.carry_on(services, confirmed(services, plan), lambda _: None)
    plans.stop(services, BEN, plan.id)
    assert carried_on(services, plan.id).answer.startswith("200 of 251 were done, 51 were not: Ben stopped it.")


def test_stop_before_it_began_changes_nothing(tmp_path: Path) -> None:
    airflow = memory()
    services = services_of(airflow, tmp_path)
    plan = clear(services)
    confirmed(services, plan)
    plans.stop(services, BEN, plan.id)
    ended = carried_on(services, plan.id)
    assert (ended.progress, airflow.calls) == (Progress.stopped, [])
    assert isinstance(plans.stop(services, BEN, plan.id), Refused)


def test_a_list_that_moved_after_the_confirmation_is_not_touched(tmp_path: Path) -> None:
    airflow = memory()
    services = services_of(airflow, tmp_path)
    asked = confirmed(services, clear(services))
    airflow.states[TaskRef("sales", RUN, "extract")] = "failed"
    ended = carry_out.carry_on(services, asked, lambda _: None)
    assert (ended.progress, airflow.calls) == (Progress.moved, [])
