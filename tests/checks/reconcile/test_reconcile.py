"""What reconcile finds in metastores of both majors, whom it tells, and what it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.checks.metastore.connection import Metastore
from bot.checks.reconcile.from_metastore import EVENTS, MetastoreSource
from bot.checks.reconcile.reconcile import GRACE, HORIZON, OVERLAP, Failure, Found, Reconcile, Round
from bot.core.errors import Temporary
from bot.core.incidents.incident import Counts
from bot.core.incidents.view import View
from bot.core.signals.signal import Signal
from bot.core.signals.wire import parse
from bot.responder.signals.observe import report
from bot.slack.alert.evidence import evidence
from bot.store import incidents, state
from bot.store.signals import coverage
from bot.store.signals.coverage import Coverage
from tests.checks.histories import DAG, HOST, RUN, History
from tests.given import some_services

DEPLOYMENT = "prod"


@dataclass
class Office:
    """A bot's store, what reached it, and the rounds made over one metastore."""

    history: History
    metastore: Metastore
    store_url: str
    told: list[Signal] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.services = some_services(self.store_url, lambda: datetime.now(UTC))

    def take(self, signals: Sequence[Signal]) -> None:
        """The throat: what was news, in the order in which it came."""
        self.told += report(self.services, signals)

    def hook(self, task_id: str = "fit", **changed: Any) -> None:
        """The plugin's own report of a failed try."""
        body = {
            "kind": "task_failed", "deployment": DEPLOYMENT, "dag_id": DAG, "run_id": RUN, "task_id": task_id,
            "try_number": 1, "source": "listener", "occurred_at": datetime.now(UTC).isoformat(),
            "exception": {"type": "ValueError", "message": "row 17"},
        }  # fmt: skip
        self.take([parse(body | changed, datetime.now(UTC))])

    def round(self, **settings: Any) -> Round:
        """A new reconciler each time: only the store survives, as after a restart."""
        source = MetastoreSource(self.metastore, DEPLOYMENT)
        return Reconcile(DEPLOYMENT, source, self.services.store, self.take, self.services.clock, **settings).run()

    def swept(self) -> list[tuple[str, str, int, int]]:
        """What the sweep told: kind, task, index, try."""
        return [(s.kind, s.task_id, s.map_index, s.try_number) for s in self.told if s.source == "sweep"]

    def covered(self, deployment: str = DEPLOYMENT) -> Coverage:
        with self.services.store.read() as t:
            return coverage.coverage(t, deployment, datetime.now(UTC) - timedelta(days=1))


@pytest.fixture(
    params=[("sqlite", 2), ("sqlite", 3), ("postgresql", 2), ("postgresql", 3)], ids=lambda p: f"{p[0]}-{p[1]}"
)
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[History]:
    kind, major = request.param
    url = f"sqlite:///{tmp_path}/airflow.db" if kind == "sqlite" else request.getfixturevalue("database")
    made = History(url, major)
    yield made
    made.close()


@pytest.fixture
def office(history: History, tmp_path: Path) -> Iterator[Office]:
    metastore = Metastore(history.url)
    made = Office(history, metastore, f"sqlite:///{tmp_path}/bot.db")
    yield made
    metastore.close()
    made.services.store.close()


def test_a_killed_last_try_is_told_once_with_its_evidence(history: History, office: Office) -> None:
    history.run()
    history.task(ended=30, beat=330)
    history.logged("heartbeat timeout", 30)
    for _ in range(3):
        office.round()
    assert office.swept() == [("task_failed", "fit", -1, 1)]
    (signal,) = office.told
    assert (signal.source, signal.owner, signal.tags, signal.hostname) == ("sweep", "ml", ("tier:1",), HOST)
    assert not signal.exception
    assert signal.extra["callback"] == "none received"
    beat, scheduler = signal.extra["evidence"]
    assert beat == f"last heartbeat   {history.moment(330):%H:%M:%S} UTC on {HOST}, pid 2281"
    assert scheduler == f"scheduler        {history.moment(30):%H:%M:%S} UTC: no heartbeat, set to failed"


def test_what_a_hook_told_is_not_told_again(history: History, office: Office) -> None:
    history.run("failed", 29)
    history.task()
    history.logged("failed")
    office.hook()
    office.take([parse({"kind": "run_failed", "deployment": DEPLOYMENT, "dag_id": DAG, "run_id": RUN,
                        "occurred_at": datetime.now(UTC).isoformat(), "source": "listener"}, datetime.now(UTC))])  # fmt: skip
    assert office.round().told == {"hook": 2}
    assert office.swept() == []
    assert office.covered().told == {"hook": 2}


def test_a_failure_is_left_to_its_hook_for_a_moment(history: History, office: Office) -> None:
    history.run()
    history.task("fresh", ended=0)
    history.task("ripe", ended=GRACE.total_seconds() + 1)
    office.round()
    assert office.swept() == [("task_failed", "ripe", -1, 1)]
    office.round(grace=timedelta(0))
    assert [task for _, task, _, _ in office.swept()] == ["ripe", "fresh"]


def test_a_worker_whose_clock_is_ahead_does_not_hide_its_failures(history: History, office: Office) -> None:
    history.run()
    history.task(ended=-7200)
    office.round()
    assert office.swept() == [("task_failed", "fit", -1, 1)]


def test_a_worker_whose_clock_is_hours_behind_is_seen_by_the_log(history: History, office: Office) -> None:
    history.run()
    history.task(ended=7200)
    history.logged("failed", 30)
    office.round()
    assert office.swept() == [("task_failed", "fit", -1, 1)]


def test_the_first_look_goes_back_to_the_horizon_and_no_further(
    history: History, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    history.run()
    history.task("old", ended=HORIZON.total_seconds() + 5)
    history.task("new", ended=HORIZON.total_seconds() - 60)
    office.round()
    office.round()
    assert [task for _, task, _, _ in office.swept()] == ["new"]
    assert len([r for r in caplog.records if "first look at prod" in r.getMessage()]) == 1


def test_what_failed_while_the_bot_was_down_is_told_however_long_that_was(history: History, office: Office) -> None:
    with office.services.store.write() as t:
        state.keep(t, f"reconcile/{DEPLOYMENT}", {"upto": history.moment(3 * 3600).isoformat()})
    history.run("failed", 7000, "yesterday")
    history.task(ended=7001, run_id="yesterday")
    history.task("before", ended=4 * 3600, run_id="yesterday")
    office.round()
    assert office.swept() == [("task_failed", "fit", -1, 1), ("run_failed", "", -1, 0)]


def test_a_row_that_is_committed_late_is_not_missed(history: History, office: Office) -> None:
    history.run()
    office.round()
    late = OVERLAP.total_seconds() - 60
    history.task(ended=late)  # carries a time from before the last look
    office.round()
    assert office.swept() == [("task_failed", "fit", -1, 1)]


def test_what_could_not_be_told_is_told_by_the_next_round(history: History, office: Office) -> None:
    history.run()
    history.task()
    take, office.take = office.take, _refuses  # type: ignore[method-assign]
    with pytest.raises(Temporary):
        office.round()
    assert (office.covered().known, office.covered().ratio) == (1, 0.0)  # known, told by nobody
    office.take = take  # type: ignore[method-assign]
    office.round()
    assert office.swept() == [("task_failed", "fit", -1, 1)]
    assert (office.covered().known, office.covered().ratio) == (1, 1.0)


def _refuses(_: Sequence[Signal]) -> None:
    raise Temporary("the disk is full")


def test_a_killed_try_that_is_retried_is_kept_and_alerts_nobody(history: History, office: Office) -> None:
    history.run()
    history.task("waits", "up_for_retry", max_tries=1)
    history.task("runs", "running", ended=None, try_number=2, max_tries=1)
    history.past_try("runs", max_tries=1)
    history.logged("state mismatch", task_id="runs")
    office.round()
    assert sorted(office.swept()) == [("task_retrying", "runs", -1, 1), ("task_retrying", "waits", -1, 1)]
    assert _incidents(office) == 0
    assert office.covered().told == {"sweep": 2}


def test_a_last_try_that_was_cleared_before_anybody_looked_is_told(history: History, office: Office) -> None:
    history.run()
    history.task(state="running", ended=None, try_number=2, max_tries=1)
    history.past_try(max_tries=0)
    history.logged("failed")
    office.round()
    assert office.swept() == [("task_failed", "fit", -1, 1)]


def test_a_running_task_that_somebody_cleared_has_not_failed(history: History, office: Office) -> None:
    history.run()
    history.task(state="running", ended=None, try_number=2, max_tries=1, start_date=history.ago(5))
    history.past_try(max_tries=0)  # Airflow writes `failed` there, and no event
    office.round()
    assert [kind for kind, *_ in office.swept()] == ["task_retrying"]
    assert _incidents(office) == 0


def test_a_try_that_a_starting_scheduler_reset_is_kept_and_alerts_nobody(history: History, office: Office) -> None:
    history.run()
    history.task(state="running", ended=None, try_number=2, max_tries=0, start_date=history.ago(20))
    if history.major == 3:
        history.past_try(ended=25)
    office.round()
    assert office.swept() == [("task_retrying", "fit", -1, 1)]
    assert office.told[0].extra["reset"] is True
    assert _incidents(office) == 0


def test_a_task_that_was_marked_failed_says_by_whom(history: History, office: Office) -> None:
    history.run("success", 8000)
    history.task(ended=8000)
    history.marked("Ana", 40)
    office.round()
    (signal,) = office.told
    assert signal.extra["evidence"] == [f"by hand          {history.moment(40):%H:%M:%S} UTC: Ana set it to failed"]
    assert abs(signal.occurred_at - history.moment(40)) < timedelta(seconds=2)


def test_several_that_die_on_one_host_in_one_minute_point_at_its_memory(history: History, office: Office) -> None:
    history.run()
    for index in range(4):
        history.task("fit", ended=30 + index, beat=60, map_index=index)
        history.logged("heartbeat timeout", 30, map_index=index)
    history.task("elsewhere", ended=30, hostname="worker-9")
    office.round()
    said = {(s.task_id, s.map_index): s.extra["evidence"][-1] for s in office.told}
    assert said["fit", 2] == f"same minute      3 more tasks on {HOST}: likely out of memory"
    assert "same minute" not in said["elsewhere", -1]


def test_where_hooks_never_speak_silence_is_no_proof_of_a_kill(history: History, office: Office) -> None:
    history.run()
    history.task("a")
    history.task("b")
    office.round()
    assert {s.extra["evidence"][-1] for s in office.told} == {f"same minute      1 more task on {HOST}"}


def test_upstream_failed_never_alerts(history: History, office: Office) -> None:
    history.run("failed", 20)
    history.task("load", "upstream_failed", try_number=0)
    office.hook("extract")
    office.round()
    assert office.swept() == [("run_failed", "", -1, 0)]


def test_a_failed_run_is_explained_by_its_task(history: History, office: Office) -> None:
    history.run("failed", 29)
    history.task()
    office.round()
    assert office.swept() == [("task_failed", "fit", -1, 1), ("run_failed", "", -1, 0)]
    assert _incidents(office) == 1


def test_a_task_without_a_host_never_started(history: History, office: Office) -> None:
    history.run()
    history.task(hostname="", pid=None, start_date=None)
    office.round()
    assert office.told[0].extra["evidence"][0] == "never started    no host, no process"


def test_a_failure_with_an_impossible_name_stops_no_other(history: History, office: Office) -> None:
    history.run()
    history.task("bad\x01name")
    history.task("good")
    office.round()
    assert [task for _, task, _, _ in office.swept()] == ["good"]


def test_coverage_says_who_told_and_how_long_it_took(history: History, office: Office) -> None:
    history.run()
    for index in range(10):
        history.task(ended=20 + index, map_index=index)
        if index < 8:
            office.hook(map_index=index)
    office.round()
    covered = office.covered()
    assert (covered.known, covered.told, covered.ratio) == (10, {"hook": 8, "sweep": 2}, 1.0)
    hook, sweep = covered.took["hook"], covered.took["sweep"]
    assert 23 <= hook.median <= 33 <= hook.median + 10
    assert hook.median <= hook.p95 <= hook.slowest
    assert 28 <= sweep.median <= sweep.slowest <= 60
    assert office.covered("another").known == 0
    assert office.covered("another").ratio == 1.0


def test_counters_only_grow_when_old_rows_go(history: History, office: Office) -> None:
    history.run()
    history.task("a")
    history.task("b")
    office.hook("a")
    office.round()
    with office.services.store.write() as t:
        before = coverage.totals(t)
        coverage.forget(t, datetime.now(UTC) + timedelta(days=30))
        assert coverage.totals(t) == before
        assert before[DEPLOYMENT].told == {"hook": 1, "sweep": 1}
    assert office.covered().known == 0


def test_the_evidence_stands_in_the_message_as_the_table_it_is(history: History, office: Office) -> None:
    history.run()
    host = "data-platform-worker-7c9d8f6b5-x2x9q"
    for index, event in enumerate(EVENTS):
        history.task(beat=330, hostname=host, map_index=index, state="up_for_retry" if index else "failed")
        history.logged(event, map_index=index)
    office.round()
    with office.services.store.read() as t:
        (incident,) = incidents.listed(t, ["open"], limit=5)
    said = [fact for one in office.told for fact in one.extra["evidence"]]
    assert f"on {host[:13]}…{host[-10:]}, pid 2281" in said[0]
    assert max(map(len, said)) <= 72
    shown = evidence(View(incident, Counts(), datetime.now(UTC))).split("\n")
    assert shown[0].startswith("last heartbeat   ")
    assert shown[1].startswith("scheduler        ")


def _incidents(office: Office) -> int:
    with office.services.store.read() as t:
        return len(incidents.listed(t, ["open", "acknowledged"], limit=50))


SINCE: Callable[[History], datetime] = lambda history: history.moment(135)  # noqa: E731


def test_a_log_that_is_longer_than_one_look_is_gone_on_with(
    history: History, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.checks.reconcile.from_metastore.LOG_LIMIT", 3)
    for index in range(6):
        history.logged("failed", 900 - 100 * index, f"t{index}")
    found: Found = MetastoreSource(office.metastore, DEPLOYMENT).look(history.moment(950))
    assert abs(found.upto - history.moment(700)) < timedelta(seconds=2)
    assert not any(isinstance(one, Failure) for one in found.failures)


def test_more_events_than_one_look_takes_in_two_minutes_are_not_looked_at_for_ever(
    history: History, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next look goes back two minutes, so it would end where this one did."""
    monkeypatch.setattr("bot.checks.reconcile.from_metastore.LOG_LIMIT", 3)
    for index in range(6):
        history.logged("failed", 60 - index, f"t{index}")
    found: Found = MetastoreSource(office.metastore, DEPLOYMENT).look(SINCE(history))
    assert abs(found.upto - history.moment(0)) < timedelta(seconds=20)
