"""Where a signal goes, how bad it is, what it is grouped with, and what a silence covers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.core.incidents.routing import (
    GROUPINGS,
    NEVER,
    Matcher,
    Policy,
    Route,
    Severity,
    Silence,
    group_key,
    matcher,
    route,
    severity_of,
)
from bot.core.incidents.runbook import Runbook
from bot.core.signals.signal import KINDS, Signal
from tests.given import NOW, failure, placed, told

ROUTES = Policy(
    (
        Route("finance", matcher({"dag": ["fin_*"]}, "x"), channel="#finance", severity=Severity.critical),
        Route("critical", matcher({"severity": "critical"}, "x"), channel="#urgent", page_after=timedelta(minutes=5)),
        Route(
            "everything of blue", matcher({"tag": "blue", "deployment": "prod"}, "x"), channel="#blue", mention="@blue"
        ),
    ),
    channel="#data-alerts",
)


@pytest.mark.parametrize(
    ("changed", "name", "channel", "page_after"),
    [
        ({}, "root", "#data-alerts", None),
        ({"tags": ["critical"]}, "critical", "#urgent", timedelta(minutes=5)),
        ({"dag_id": "fin_close", "tags": ["critical"]}, "finance", "#finance", timedelta(0)),
        ({"dag_id": "fin_close"}, "finance", "#finance", timedelta(0)),
        ({"tags": ["red", "blue"]}, "everything of blue", "#blue", None),
        ({"tags": ["blue"], "deployment": "test"}, "root", "#data-alerts", None),
    ],
)
def test_the_first_route_that_matches_wins_and_the_root_catches_the_rest(
    changed: dict[str, Any], name: str, channel: str, page_after: timedelta | None
) -> None:
    _, placement = placed(failure(**changed), ROUTES)
    assert (placement.route, placement.channel, placement.page_after) == (name, channel, page_after)
    assert placement.why == f"route {name}"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_signal_falls_on_the_floor(kind: str) -> None:
    assert route(told(kind), "x", Policy()).channel == "#data-alerts"


@pytest.mark.parametrize(
    ("patterns", "fits"),
    [
        ({"task": "load"}, True),
        ({"task": "sales.l*"}, True),
        ({"task": "other"}, False),
        ({"owner": "ana"}, True),
        ({"owner": ["ben", "data-*"]}, True),
        ({"kind": "task_*"}, True),
        ({"kind": "run_failed"}, False),
        ({"signature": "abc"}, True),
        ({"dag": "sales", "kind": "run_failed"}, False),
        ({"tag": "*"}, False),
        ({}, True),
    ],
)
def test_a_matcher_needs_every_field_that_it_names(patterns: dict[str, Any], fits: bool) -> None:
    signal = failure(owner="data-eng, ana")
    assert matcher(patterns, "routes[0].match")(signal, Severity.error, "abc") is fits


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"dagid": "x"}, "routes[0].match.dagid"),
        ({"dag": 5}, "routes[0].match.dag"),
        ({"dag": [1]}, "routes[0].match.dag"),
    ],
)
def test_a_wrong_matcher_is_refused_by_name(table: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match="routes") as refused:
        matcher(table, "routes[0].match")
    assert str(refused.value).startswith(f"{named}: ")


@pytest.mark.parametrize(
    ("signal", "severity"),
    [
        (failure(), Severity.error),
        (failure(tags=["critical"]), Severity.critical),
        (failure(tags=["critical"], severity="warning"), Severity.warning),
        (failure(severity="apocalyptic"), Severity.error),
        (told("sla_missed"), Severity.warning),
        (told("check_failed", severity="critical"), Severity.critical),
    ],
)
def test_how_bad_a_signal_is(signal: Signal, severity: Severity) -> None:
    assert severity_of(signal) is severity


GROUPED: list[tuple[str, dict[str, Any], bool]] = [
    ("cause", {"dag_id": "other", "task_id": "x"}, True),
    ("cause", {"exception": {"type": "KeyError", "message": "a"}}, False),
    ("cause", {"deployment": "test"}, False),
    ("dag", {"task_id": "x", "exception": None}, True),
    ("dag", {"dag_id": "other"}, False),
    ("task", {"run_id": "other", "exception": None}, True),
    ("task", {"task_id": "x"}, False),
    ("run", {"task_id": "x"}, True),
    ("run", {"run_id": "other"}, False),
    ("host", {"hostname": "worker-1", "dag_id": "other"}, True),
    ("host", {"hostname": "worker-2"}, False),
    ("tag", {"tags": ["zeta", "blue"]}, True),
    ("tag", {"tags": ["red"]}, False),
]


@pytest.mark.parametrize(("grouping", "changed", "together"), GROUPED)
def test_what_is_grouped_is_one_incident(grouping: str, changed: dict[str, Any], together: bool) -> None:
    policy = Policy((Route("r", group_by=grouping),))
    known: dict[str, Any] = {"hostname": "worker-1", "tags": ["blue"]}
    first, second = failure(**known), failure("row is bad", **known | changed) if "exception" not in changed else told(
        **known | changed)  # fmt: skip
    assert (placed(first, policy)[1].key == placed(second, policy)[1].key) is together


def test_every_grouping_is_tried_here() -> None:
    assert {row[0] for row in GROUPED} == set(GROUPINGS)


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ({"hostname": "worker-1"}, {"hostname": "worker-1", "dag_id": "other"}, True),
        ({"hostname": "worker-1"}, {"hostname": "worker-2"}, False),
        ({}, {"task_id": "x"}, True),
        ({}, {"dag_id": "other"}, False),
    ],
    ids=["one lost worker", "two lost workers", "one DAG", "two DAGs"],
)
def test_what_was_killed_without_a_word_folds_by_its_worker_else_by_its_dag(
    first: dict[str, Any], second: dict[str, Any], together: bool
) -> None:
    keys = {placed(told(exception=None, **changed))[1].key for changed in (first, second)}
    assert (len(keys) == 1) is together


def test_what_only_the_sweep_tells_stands_for_its_task_unless_it_was_killed() -> None:
    """An Airflow without the plugin tells no exceptions: its failures have nothing in common but the sweep."""

    def keys(**extra: Any) -> set[str]:
        found = [told(exception=None, source="sweep", hostname="worker-1", task_id=task, extra=extra) for task in "ab"]
        return {placed(signal)[1].key for signal in found}

    assert len(keys()) == 2
    assert len(keys(killed=True)) == 1


def test_a_message_without_a_type_is_a_cause_as_well() -> None:
    """Folding by the worker would put two troubles into one."""
    one, other = (placed(told(hostname="worker-1", exception=text))[1].key for text in ("disk full", "no such file"))
    assert one != other


def test_what_is_no_task_failure_stands_for_itself() -> None:
    check = told("check_failed")
    assert group_key(check, "x", "dag") == check.thing


@pytest.mark.parametrize(
    ("scope", "signal", "covered"),
    [
        ("dag:sales", failure(), True),
        ("dag:sal*", failure(), True),
        ("dag:other", failure(), False),
        ("dag:*", told("check_failed"), False),
        ("task:sales.load", failure(), True),
        ("task:sales.store", failure(), False),
        ("task:*", told("run_failed"), False),
        ("signature:abc", failure(), True),
        ("signature:abd", failure(), False),
        ("thing:scheduler-heartbeat", told("check_failed"), True),
        ("dag:sales", failure(deployment="test"), False),
        ("moon:sales", failure(), False),
    ],
)
def test_a_silence_covers_its_scope_and_nothing_else(scope: str, signal: Signal, covered: bool) -> None:
    silence = Silence(1, scope, "prod", NOW + timedelta(hours=1), "Ana", "known")
    assert silence.covers(signal, "abc", NOW) is covered
    assert not silence.covers(signal, "abc", NOW + timedelta(hours=1))


def test_an_empty_matcher_takes_everything() -> None:
    assert Matcher()(failure(), Severity.error, "x")


BOOK = Runbook("known", "Known trouble", "", severity="warning", escalate_after=timedelta(minutes=30))
GRAVE = Runbook("grave", "Grave trouble", "", severity="critical")


@pytest.mark.parametrize(
    ("said_by_route", "book", "signal", "severity", "severity_by", "page_after", "page_by"),
    [
        ({}, None, failure(), Severity.error, "signal", None, ""),
        ({}, None, failure(severity="critical"), Severity.critical, "signal", timedelta(0), "critical"),
        ({}, BOOK, failure(), Severity.error, "signal", timedelta(minutes=30), "runbook known"),
        ({}, BOOK, failure(severity="warning"), Severity.warning, "signal", timedelta(minutes=30), "runbook known"),
        ({}, BOOK, failure(tags=["critical"]), Severity.critical, "signal", timedelta(0), "critical"),
        ({"severity": Severity.warning}, None, failure(tags=["critical"]), Severity.warning, "route r", None, ""),
        ({}, GRAVE, failure(), Severity.critical, "runbook grave", timedelta(0), "critical"),
        ({"severity": Severity.error}, GRAVE, failure(), Severity.error, "route r", None, ""),
        ({"severity": Severity.critical}, BOOK, failure(), Severity.critical, "route r", timedelta(0), "route r"),
        ({"page_after": timedelta(minutes=5)}, BOOK, failure(), Severity.error, "signal", timedelta(minutes=5), "route r"),
        ({"page_after": NEVER}, BOOK, failure(), Severity.error, "signal", None, "route r"),
        ({"page_after": NEVER}, None, failure(severity="critical"), Severity.critical, "signal", None, "route r"),
    ],
)  # fmt: skip
def test_a_route_decides_and_else_the_worse_of_runbook_and_signal(
    said_by_route: dict[str, Any], book: Runbook | None, signal: Signal, severity: Severity, severity_by: str,
    page_after: timedelta | None, page_by: str,
) -> None:  # fmt: skip
    found = route(signal, "x", Policy((Route("r", **said_by_route),)), book)
    assert (found.severity, found.severity_by) == (severity, severity_by)
    assert (found.page_after, found.page_by) == (page_after, page_by)


def test_a_route_that_matches_a_severity_meets_the_one_that_the_runbook_says() -> None:
    policy = Policy((Route("grave", matcher({"severity": "critical"}, "x")),))
    assert route(failure(), "x", policy, GRAVE).route == "grave"


@pytest.mark.parametrize(
    ("warn_on_try", "number", "warns"), [(None, 9, False), (2, 1, False), (2, 2, True), (2, 3, True), (1, 1, True)]
)
def test_a_retry_is_worth_a_warning_from_the_try_that_the_route_says(
    warn_on_try: int | None, number: int, warns: bool
) -> None:
    policy = Policy((Route("r", severity=Severity.critical, warn_on_try=warn_on_try),))
    found = route(told("task_retrying", try_number=number), "x", policy, GRAVE)
    assert (found.warns, found.severity, found.page_after) == (warns, Severity.warning, None)
    assert policy.warns is (warn_on_try is not None)
