"""The life of an incident: what a signal or a press does to it, as tables, each with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core.errors import Refused
from bot.core.incidents.alert import Alert, Kind, Place, page_word
from bot.core.incidents.incident import Entry as Line
from bot.core.incidents.incident import Incident, State
from bot.core.incidents.lifecycle import Observation, begin, explain, heal, note, observe, quieten, speak
from bot.core.incidents.presses import press
from bot.core.incidents.routing import Policy, Route, Severity, Silence
from bot.core.signals.signal import Signal
from tests.given import ANA, BEN, NOW, failure, placed, told

LATER = NOW + timedelta(minutes=10)
SILENCE = Silence(1, "dag:sales", "prod", NOW + timedelta(hours=2), "Ana", "known")
PAGES = Policy((Route("night", page_after=timedelta(minutes=15)),))


def begun(signal: Signal | None = None, silence: Silence | None = None, policy: Policy | None = None) -> Observation:
    signal = signal or failure()
    return begin(signal, *placed(signal, policy), runbook="", silence=silence, now=NOW)


def opened(**changed: Any) -> Incident:
    return replace(begun().incident, id=7, **changed)


def seen_again(
    known: Incident, signal: Signal, policy: Policy | None = None, silence: Silence | None = None
) -> Observation:
    return observe(known, signal, placed(signal, policy)[1], silence, LATER)


def observed(outcome: Observation | Refused) -> Observation:
    assert isinstance(outcome, Observation), outcome
    return outcome


HELD = {"state": State.acknowledged, "holder": ANA, "held_at": NOW}
OVER = {"state": State.resolved, "resolved_at": NOW, "resolved_by": "Ana", "holder": ANA}


@pytest.mark.parametrize(
    ("signal", "sentence"),
    [
        (failure(try_number=3, max_tries=2), "sales.load failed, try 3/3, ValueError"),
        (told(exception=None), "sales.load failed, no exception reported"),
        (told("run_failed"), "sales: run failed"),
        (told("check_failed", sentence="The scheduler is silent for 92 s"), "The scheduler is silent for 92 s"),
    ],
)
def test_the_first_signal_opens_an_incident_and_its_timeline(signal: Signal, sentence: str) -> None:
    made = begun(signal)
    assert (made.incident.state, made.incident.version, made.incident.times) == (State.open, 1, 1)
    assert made.entry is not None
    assert (made.entry.what, made.entry.text) == ("opened", sentence)
    assert made.why == "opened: route root"


@pytest.mark.parametrize(
    ("signal", "silence", "policy", "page_at"),
    [
        (failure(), None, Policy(), None),
        (failure(tags=["critical"]), None, Policy(), NOW),
        (failure(tags=["critical"]), SILENCE, Policy(), None),
        (failure(), None, PAGES, NOW + timedelta(minutes=15)),
        (failure(), SILENCE, PAGES, None),
    ],
)
def test_who_is_rung_and_when_is_decided_as_it_opens(
    signal: Signal, silence: Silence | None, policy: Policy, page_at: Any
) -> None:
    assert begun(signal, silence, policy).incident.page_at == page_at


@pytest.mark.parametrize("state", [{}, HELD], ids=["open", "acknowledged"])
def test_the_same_cause_again_refreshes_without_a_word(state: dict[str, Any]) -> None:
    known = opened(**state)
    again = seen_again(known, failure("row is bad", task_id="store", occurred_at=LATER.isoformat()))
    assert again.entry is None
    assert again.why == "refreshed: the same cause again"
    assert again.incident.version == known.version + 1
    assert (again.incident.state, again.incident.holder) == (known.state, known.holder)
    assert again.incident.last_at == LATER
    assert again.incident.exemplar.task_id == "store"


def test_what_is_shown_never_gets_poorer() -> None:
    bare = told(exception=None, occurred_at=LATER.isoformat())
    assert seen_again(opened(), bare).incident.exemplar.exception.message == "row is bad"


def test_an_older_signal_that_comes_late_moves_the_beginning_and_not_the_face() -> None:
    early = failure(task_id="first", occurred_at=(NOW - timedelta(hours=1)).isoformat())
    again = seen_again(opened(), early).incident
    assert (again.opened_at, again.last_at) == (NOW - timedelta(hours=1), NOW)
    assert again.exemplar.task_id == "load"


@pytest.mark.parametrize(
    ("known", "tags", "silence", "severity", "page_at"),
    [
        (opened(), ["critical"], None, Severity.critical, LATER),
        (opened(), [], None, Severity.error, None),
        (opened(**HELD), ["critical"], None, Severity.critical, LATER),
        (opened(**HELD), [], None, Severity.error, None),
        (opened(silence=SILENCE), ["critical"], None, Severity.critical, LATER),
        (opened(silence=SILENCE), [], None, Severity.error, None),
        (opened(), ["critical"], SILENCE, Severity.critical, None),
        (opened(severity=Severity.critical, page_at=NOW), [], None, Severity.critical, NOW),
        (opened(page_at=NOW), ["critical"], None, Severity.critical, NOW),
    ],
    ids=[
        "worse",
        "as bad",
        "worse, although held",
        "held, as bad",
        "worse, although silenced for less",
        "silenced, as bad",
        "silenced at this severity",
        "never milder",
        "rung already",
    ],
)
def test_a_worse_signal_rings_over_an_acknowledgement_and_a_silence_made_for_less(
    known: Incident, tags: list[str], silence: Silence | None, severity: Severity, page_at: Any
) -> None:
    again = seen_again(known, failure(tags=tags), silence=silence).incident
    assert (again.severity, again.page_at) == (severity, page_at)
    if page_at is not None:
        assert page_word(Alert(1, 1, Place(Kind.pager, "pagerduty")), again) == "trigger"


def test_trouble_that_comes_back_opens_the_same_incident_again_for_everybody() -> None:
    again = seen_again(opened(**OVER, escalated_at=NOW), failure(tags=["critical"], occurred_at=LATER.isoformat()))
    incident = again.incident
    assert again.why == "reopened: it came back within the window"
    assert again.entry is not None
    assert again.entry.text == "Failed again, 2nd time"
    assert (incident.state, incident.times, incident.holder, incident.last_holder) == (State.open, 2, None, "Ana")
    assert (incident.resolved_at, incident.resolved_by, incident.escalated_at) == (None, "", None)
    assert incident.page_at == LATER


@pytest.mark.parametrize(
    ("times", "word"), [(2, "3rd"), (3, "4th"), (10, "11th"), (11, "12th"), (20, "21st"), (110, "111th")]
)
def test_how_often_is_said_in_english(times: int, word: str) -> None:
    entry = seen_again(opened(**OVER, times=times), failure()).entry
    assert entry is not None
    assert entry.text == f"Failed again, {word} time"


def test_it_is_well_only_when_nothing_of_it_is_sick() -> None:
    well = told("task_succeeded", try_number=2, occurred_at=LATER.isoformat())
    partly = heal(opened(), 3, well, LATER)
    assert (partly.incident.state, partly.incident.version, partly.entry, partly.why) == (
        State.open,
        2,
        None,
        "3 still sick",
    )
    whole = heal(opened(**HELD), 0, well, LATER)
    assert (whole.incident.state, whole.incident.resolved_at, whole.incident.last_holder) == (
        State.resolved,
        LATER,
        "Ana",
    )
    assert whole.entry is not None
    assert whole.entry.text == "Well again: try 2 of sales.load succeeded"


def test_a_success_that_was_reported_late_does_not_end_it_before_its_last_failure() -> None:
    early = told("task_succeeded", occurred_at=(NOW - timedelta(hours=1)).isoformat())
    assert heal(opened(), 0, early, LATER).incident.resolved_at == NOW


def test_what_is_over_stays_as_it_is_when_it_is_reported_well() -> None:
    known = opened(**OVER)
    assert heal(known, 0, told("task_succeeded"), LATER) == Observation(known, None, "already resolved")


def test_a_run_whose_task_was_told_after_all_is_explained_by_it() -> None:
    done = explain(opened(), "A-9", LATER)
    assert (done.incident.state, done.incident.resolution) == (State.resolved, "explained by A-9")


def test_a_note_is_kept_in_the_persons_own_words() -> None:
    entry = observed(press(opened(), "resolve", BEN, LATER, "the upstream file came")).entry
    assert entry is not None
    assert entry.text == "the upstream file came"
    seen = observed(press(opened(), "escalate", BEN, LATER, "still stuck"))
    assert seen.entry is not None
    assert seen.entry.text == "Ben escalated it: still stuck"
    assert seen.incident.page_at == seen.incident.escalated_at == LATER


def test_a_silence_rings_nobody_and_ends_with_a_line() -> None:
    quiet = quieten(opened(page_at=NOW), SILENCE, ANA, LATER)
    assert (quiet.incident.silence, quiet.incident.page_at) == (SILENCE, None)
    assert quiet.entry is not None
    assert quiet.entry.text == "Ana silenced it until 07:00 UTC: known"
    loud = speak(quiet.incident, "The silence ended", "", "", LATER)
    assert (loud.incident.silence, loud.incident.version) == (None, 3)


def test_every_change_makes_the_version_grow_by_one() -> None:
    line = Line(LATER, "cleared", "Airflow cleared it")
    assert note(opened(), line).incident.version == 2
    assert note(opened(), line).entry == line
