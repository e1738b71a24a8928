"""A confirmed plan is carried out in batches, exactly once, whatever goes wrong in between; and what was done is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.airflow.protocol import TaskRef
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.remediation import Plan, Progress, Remediation
from bot.responder.actions import backfill, catalog, dags, draft, mark, variable
from bot.responder.actions.catalog import past_sentence
from bot.responder.actions.clear import plan_clear
from bot.responder.actions.variable import forget_old_values
from bot.responder.remediation import carry_out
from bot.responder.remediation import confirm as plans
from bot.responder.services import Services
from bot.store import remediations
from tests.responder.flows import ANA, AWAY, BEN, DAY, RUN, SILENT, Memory, Trouble, memory, services_of, whole

MANY = 250


def planned(found: Plan | Refused) -> Plan:
    assert isinstance(found, Plan), found
    return found


def confirmed(services: Services, plan: Plan) -> Remediation:
    asked = plans.confirm(services, ANA, plan.id)
    assert isinstance(asked, Remediation), asked
    return asked


def carried_on(services: Services, plan_id: str) -> Remediation:
    """One more step of what is written down."""
    with services.store.read() as t:
        found = remediations.of_plan(t, plan_id)
    assert found is not None
    return carry_out.carry_on(services, found, lambda _: None)


def clear(services: Services) -> Plan:
    return planned(plan_clear(services, ANA, "prod", [whole()], "C1"))


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


def test_a_backfill_on_airflow_2_is_a_run_a_date_under_an_id_of_its_own(tmp_path: Path) -> None:
    airflow = memory(major=2, version="2.11.2", can_address_map_index=False, has_backfill=False)
    services = services_of(airflow, tmp_path)
    plan = planned(DEEDS["backfill"][0](services))
    assert "2.11.2 has no backfill in its API" in plan.warnings[0]
    assert [change.what[:10] for change in plan.changes] == ["2026-11-21", "2026-11-22", "2026-11-23"]
    airflow.trouble.extend([None, Trouble(SILENT, acts=True)])
    ended = carry_out.carry_on(services, confirmed(services, plan), lambda _: None)
    assert ended.progress is Progress.done
    assert [call[1] for call in airflow.calls] == [
        f"windsock_backfill__2026-11-{day}T00:00:00+00:00" for day in (21, 22, 23)
    ]
    assert all(f"new run, {call[1]}" in change.after for call, change in zip(airflow.calls, plan.changes, strict=True))


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


def test_a_pause_with_an_end_ends_by_itself_also_when_airflow_was_away(tmp_path: Path) -> None:
    from bot.responder.remediation import timed_pauses

    airflow = memory()
    services = services_of(airflow, tmp_path)
    now = services.clock()
    services.clock = lambda: now
    plan = planned(dags.plan_pause(services, ANA, "prod", ["sales"], True, "C1", lasts=timedelta(hours=2)))
    assert "unpaused by itself at" in plan.warnings[0]
    carry_out.carry_on(services, confirmed(services, plan), lambda _: None)
    assert airflow.paused == {"sales": True}
    timed_pauses.end_pauses(services)
    now += timedelta(hours=2, seconds=1)
    airflow.away = AWAY
    timed_pauses.end_pauses(services)
    airflow.away = None
    timed_pauses.end_pauses(services)
    timed_pauses.end_pauses(services)
    with services.store.read() as t:
        (due,) = remediations.due(t, now)
    assert due.person.name == "Windsock"
    assert due.plan.channel == "C1"
    carry_out.carry_on(services, due, lambda _: None)
    assert airflow.paused == {"sales": False}
    now += timedelta(minutes=5)
    timed_pauses.end_pauses(services)
    assert [call[0] for call in airflow.calls] == ["pause", "unpause"]


def test_a_conf_that_the_params_refuse_is_told_before_anybody_confirms(tmp_path: Path) -> None:
    from bot.core.airflow.variables import Param

    airflow = memory(
        params={"n": Param("n", 3, {"type": "integer", "minimum": 1}), "day": Param("day", None, {"type": "string"})}
    )
    services = services_of(airflow, tmp_path)
    refused = dags.plan_trigger(services, ANA, "prod", "sales", {"n": 0}, "C1")
    assert isinstance(refused, Refused)
    assert "n must be at least 1, not 0; day is required" in refused.reason
    odd = planned(dags.plan_trigger(services, ANA, "prod", "sales", {"n": 5, "day": "x", "m": 1}, "C1"))
    assert odd.warnings == ("m isn't a param of the DAG; it knows day, n",)


def test_steps_are_the_same_for_the_same_plan(tmp_path: Path) -> None:
    airflow = memory(mapped=MANY)
    plan = clear(services_of(airflow, tmp_path))
    turned = replace(plan, changes=plan.changes[::-1])
    assert catalog.steps_of(airflow, plan) == catalog.steps_of(airflow, turned)  # type: ignore[arg-type]
    two = Memory(can_address_map_index=False)
    assert [len(step.changes) for step in catalog.steps_of(two, plan)] == [MANY, 1]  # type: ignore[arg-type]
