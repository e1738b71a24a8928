"""The promises about params, windows of time, variables, connections, jobs and backfills, on both real Airflows."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from bot.airflow.gateway import Gateway
from bot.core.airflow.protocol import Param, Run, TaskNode
from bot.core.errors import Permanent
from tests.airflow.live import BACKLOAD, DAG, ENDED, MAPPED, Live, wait_for

if TYPE_CHECKING:
    from tests.stacks import RunningAirflow


def monday(weeks_ago: int) -> datetime:
    """The midnight that a whole week of the past began with."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=today.weekday(), weeks=weeks_ago)


def at_0430(start: datetime, *days: int) -> list[datetime]:
    return [start + timedelta(days=day, hours=4, minutes=30) for day in days]


class Wider(Live):
    """Each test gives one promise of `bot.core.airflow.protocol.Airflow`."""

    # ---- DAGs and runs

    def test_a_dag_tells_its_params_with_their_schema(self, airflow: Gateway) -> None:
        dag = airflow.dag(BACKLOAD)
        assert dag is not None
        schema = {"type": "string", "enum": ["eu", "us", "apac"]}
        assert dag.params["shop"] == Param("shop", "eu", schema, "Whose orders")
        assert dag.params["days"].schema == {"type": "integer", "minimum": 1, "maximum": 31}
        assert dag.params["since"].schema == {"type": "string", "format": "date"}
        assert (dag.params["replace"].value, dag.params["reason"].value) == (False, None)
        assert (dag.timetable, dag.max_active_runs) == ("30 4 * * 1-5", 3)

    def test_the_tasks_of_a_dag_are_told_with_what_is_behind_them(self, airflow: Gateway) -> None:
        tree = airflow.task_tree(BACKLOAD)
        assert tree is not None
        assert [(node.task_id, node.downstream, node.group, node.is_mapped) for node in tree] == [
            ("load.lines", (), "load", False),
            ("read_orders", ("load.lines",), "", False),
        ]
        assert all(node.operator for node in tree)
        assert airflow.task_tree("nope") is None
        mapped = airflow.task_tree(MAPPED)
        assert mapped is not None
        assert mapped[0] == TaskNode("import_region", (), mapped[0].operator, True)

    def test_runs_are_found_by_a_window_of_time(self, airflow: Gateway, failed_run: Run) -> None:
        """The run has no logical date on Airflow 3, and is found all the same."""
        now = datetime.now(UTC)
        began = failed_run.run_after or failed_run.logical_date
        assert began is not None
        found = airflow.runs(DAG, since=began, until=now)
        assert failed_run.run_id in [run.run_id for run in found]
        dates = [run.run_after or run.logical_date or now for run in found]
        assert dates == sorted(dates, reverse=True)
        assert failed_run.run_id not in [run.run_id for run in airflow.runs(DAG, since=began + timedelta(seconds=1))]
        assert failed_run.run_id not in [run.run_id for run in airflow.runs(DAG, until=began - timedelta(seconds=1))]
        assert [run.run_id for run in airflow.runs(DAG, limit=1, until=began)] == [failed_run.run_id]
        assert airflow.runs(DAG, ["running"], since=began, until=began) == []

    def test_runs_of_every_dag_are_found_at_once(self, airflow: Gateway, failed_run: Run, mapped_run: Run) -> None:
        for window in ({}, {"since": datetime.now(UTC) - timedelta(hours=1)}):
            found = {(run.dag_id, run.run_id) for run in airflow.runs("", ["failed"], 100, **window)}
            assert {(DAG, failed_run.run_id), (MAPPED, mapped_run.run_id)} <= found

    def test_a_note_on_a_run_is_read_back(self, airflow: Gateway, failed_run: Run) -> None:
        airflow.set_run_note(DAG, failed_run.run_id, "Ben: “the file is late”")
        found = airflow.run(DAG, failed_run.run_id)
        assert found is not None
        assert (found.note, found.state) == ("Ben: “the file is late”", "failed")
        airflow.set_run_note(DAG, failed_run.run_id, "contract")
        with pytest.raises(Permanent):
            airflow.set_run_note(DAG, "nope", "lost")

    def test_a_conf_that_the_params_do_not_allow_is_refused_with_the_reason(self, airflow: Gateway) -> None:
        with pytest.raises(Permanent, match="mars"):
            airflow.trigger(BACKLOAD, f"contract__{uuid.uuid4().hex[:8]}", {"shop": "mars"})

    def test_a_run_for_a_date_is_started_once(self, airflow: Gateway) -> None:
        at, run_id = at_0430(monday(9), 0)[0], f"contract__{uuid.uuid4().hex[:8]}"
        assert airflow.trigger(BACKLOAD, run_id, {"shop": "us"}, logical_date=at).logical_date == at
        assert airflow.trigger(BACKLOAD, run_id, {"shop": "eu"}, logical_date=at).conf == {"shop": "us"}
        with pytest.raises(Permanent) as refused:
            airflow.trigger(BACKLOAD, f"{run_id}-other", {}, logical_date=at)
        assert refused.value.code == "409"

    # ---- what is configured

    def test_a_variable_is_set_changed_and_read_back(self, airflow: Gateway, caplog: pytest.LogCaptureFixture) -> None:
        key, caplog_level = f"contract/{uuid.uuid4().hex[:8]} +ä", logging.DEBUG
        caplog.set_level(caplog_level)
        assert airflow.variable(key) is None
        made = airflow.set_variable(key, "kept 4711", "how many")
        assert (made.key, made.value, made.description) == (key, "kept 4711", "how many")
        changed = airflow.set_variable(key, "kept 4712")
        assert (changed.value, changed.description) == ("kept 4712", "how many")
        assert airflow.set_variable(key, "kept 4712", "other words").description == "other words"
        assert airflow.variable(key) == airflow.set_variable(key, "kept 4712")
        assert "kept 471" not in caplog.text + repr(made)

    def test_variables_are_found_by_a_part_of_their_key(self, airflow: Gateway) -> None:
        mark = uuid.uuid4().hex[:8]
        for name in ("a_one", "a_two", "axthree"):
            airflow.set_variable(f"contract_{mark}{name}", "1")
        assert airflow.variables(f"T_{mark.upper()}A_") == [f"contract_{mark}a_one", f"contract_{mark}a_two"]
        assert airflow.variables(f"contract_{mark}", limit=1) == [f"contract_{mark}a_one"]
        assert airflow.variables("%nope%") == []
        with pytest.raises(Permanent):
            airflow.variable(" ")

    def test_a_connection_is_told_without_its_secrets(self, airflow: Gateway, stack: RunningAirflow) -> None:
        conn_id = self._connection(stack)
        found = airflow.connection(conn_id)
        assert found is not None
        assert (found.conn_type, found.host, found.port, found.login) == ("contract", "127.0.0.1", 9, "bot")
        assert "swordfish" not in repr(found)
        assert found in airflow.connections()
        assert airflow.connection("nope") is None

    def test_a_connection_is_tested(self, airflow: Gateway, stack: RunningAirflow) -> None:
        """The type does not exist, so that the test fails. Only a test with the stored password may say "broken"."""
        result = airflow.test_connection(self._connection(stack))
        is_whole = airflow.major == 3 and not airflow.version.startswith("3.0")
        assert result.ok is (False if is_whole else None)
        assert "Unknown hook type" in result.message
        with pytest.raises(Permanent, match="no connection `nope`"):
            airflow.test_connection("nope")

    def _connection(self, stack: RunningAirflow) -> str:
        body = {"connection_id": f"contract-{uuid.uuid4().hex[:8]}", "conn_type": "contract", "login": "bot"}
        rest = {"host": "127.0.0.1", "port": 9, "password": "swordfish", "extra": '{"api_key": "swordfish"}'}
        stack.rest.call("POST", "connections", json={**body, **rest})
        return body["connection_id"]

    def test_the_scheduler_is_among_the_jobs(self, airflow: Gateway) -> None:
        jobs = airflow.jobs()
        assert {job.kind for job in jobs} <= {"scheduler", "triggerer", "dag_processor"}
        job = next(job for job in jobs if job.kind == "scheduler" and job.is_alive)
        assert job.latest_heartbeat is not None
        assert (job.state, bool(job.hostname)) == ("running", airflow.major == 3)

    # ---- backfills

    def test_a_backfill_runs_what_its_preview_showed(self, airflow: Gateway, stack: RunningAirflow) -> None:
        start = monday(2)
        end, wanted = start + timedelta(days=2, hours=12), at_0430(start, 0, 1, 2)
        planned = airflow.backfill_dates(BACKLOAD, start, end, rerun="none")
        assert [(one.logical_date, one.run_id, one.state) for one in planned] == [(at, "", "none") for at in wanted]
        asked = airflow.backfill(BACKLOAD, start, end, rerun="none", max_active_runs=2)
        assert [one.logical_date for one in asked.dates] == wanted
        assert (asked.dag_id, asked.refused, sum(asked.counts.values())) == (BACKLOAD, (), 3)
        self._all_ended(airflow, asked.run_ids)
        assert airflow.backfill_dates(BACKLOAD, start, end, rerun="none") == []
        assert airflow.backfill_dates(BACKLOAD, start, end, rerun="failed") == []
        again = airflow.backfill_dates(BACKLOAD, start, end, rerun="completed")
        assert [(one.logical_date, one.run_id, one.state) for one in again] == [
            (at, run_id, "success") for at, run_id in zip(wanted, asked.run_ids, strict=True)
        ]
        self._has_ended_there(airflow, asked.id, 3)
        self._runs_again_what_failed(airflow, asked.run_ids[1], start, end)
        assert self._interval(stack, asked.run_ids[0]) == self._scheduled_interval(wanted)

    def _runs_again_what_failed(self, airflow: Gateway, run_id: str, start: datetime, end: datetime) -> None:
        airflow.set_run_state(BACKLOAD, run_id, "failed")
        planned = airflow.backfill_dates(BACKLOAD, start, end, rerun="failed")
        assert [(one.run_id, one.state) for one in planned] == [(run_id, "failed")]
        asked = airflow.backfill(BACKLOAD, start, end, rerun="failed")
        assert asked.run_ids == (run_id,)
        self._all_ended(airflow, asked.run_ids)
        self._has_ended_there(airflow, asked.id, 1)

    def _all_ended(self, airflow: Gateway, run_ids: tuple[str, ...]) -> None:
        for run_id in run_ids:
            look = partial(airflow.run, BACKLOAD, run_id)
            run = wait_for(look, lambda run: run is not None and run.state in ENDED)
            assert run is not None
            assert run.state == "success"

    def _has_ended_there(self, airflow: Gateway, backfill_id: int | None, number: int) -> None:
        """Airflow 3 says so some time after the last run, and takes no other backfill of the DAG before."""
        if backfill_id is None:
            return
        done = wait_for(lambda: airflow.backfill_state(backfill_id), lambda one: bool(one and one.completed_at))
        assert done is not None
        assert done.counts == {"success": number}

    def _interval(self, stack: RunningAirflow, run_id: str) -> tuple[datetime, datetime]:
        row: dict[str, Any] = stack.rest.call("GET", f"dags/{BACKLOAD}/dagRuns/{run_id}")
        return datetime.fromisoformat(row["data_interval_start"]), datetime.fromisoformat(row["data_interval_end"])

    def _scheduled_interval(self, wanted: list[datetime]) -> tuple[datetime, datetime]:
        """What a scheduled run of the first date has."""
        raise NotImplementedError

    @pytest.mark.parametrize("rerun", ["none", "failed", "completed"])
    def test_what_cannot_be_backfilled_is_refused_with_the_reason(self, airflow: Gateway, rerun: str) -> None:
        start = monday(3)
        with pytest.raises(Permanent, match=r"non-periodic schedule|has no schedule"):
            airflow.backfill_dates(DAG, start, start + timedelta(days=1), rerun=rerun)
        with pytest.raises(Permanent, match="nope"):
            airflow.backfill_dates("nope", start, start + timedelta(days=1), rerun=rerun)
        with pytest.raises(Permanent, match="ends before it starts"):
            airflow.backfill_dates(BACKLOAD, start, start - timedelta(days=1), rerun=rerun)

    def test_a_backfill_that_does_not_exist(self, airflow: Gateway) -> None:
        assert airflow.backfill_state(4711) is None
        with pytest.raises(Permanent):
            airflow.cancel_backfill(4711)


class TestAirflowThree(Wider):
    @pytest.fixture(scope="class")
    @classmethod
    def stack(cls, airflow_3: RunningAirflow) -> RunningAirflow:
        return airflow_3

    def _scheduled_interval(self, wanted: list[datetime]) -> tuple[datetime, datetime]:
        return wanted[0], wanted[0]

    def test_a_secret_variable_is_masked_by_airflow(self, airflow: Gateway) -> None:
        assert airflow.set_variable("contract_password", "swordfish").value == "***"

    def test_a_cancelled_backfill_ends_its_queued_runs(self, airflow: Gateway) -> None:
        start = monday(4)
        asked = airflow.backfill(BACKLOAD, start, start + timedelta(days=5), rerun="none", max_active_runs=1)
        assert asked.id is not None
        with pytest.raises(Permanent, match="already a running backfill"):
            airflow.backfill(BACKLOAD, start, start + timedelta(days=5), rerun="none")
        cancelled = airflow.cancel_backfill(asked.id)
        assert cancelled.completed_at is not None
        assert cancelled.counts["failed"] >= 3
        assert cancelled.counts["queued"] == 0
        assert airflow.cancel_backfill(asked.id).completed_at == cancelled.completed_at


class TestAirflowTwo(Wider):
    @pytest.fixture(scope="class")
    @classmethod
    def stack(cls, airflow_2: RunningAirflow) -> RunningAirflow:
        return airflow_2

    def _scheduled_interval(self, wanted: list[datetime]) -> tuple[datetime, datetime]:
        return wanted[0], wanted[1]

    def test_a_variable_comes_in_clear_whatever_it_is_called(self, airflow: Gateway) -> None:
        assert airflow.set_variable("contract_password", "swordfish").value == "swordfish"

    def test_a_backfill_cannot_be_asked_for_again(self, airflow: Gateway) -> None:
        with pytest.raises(Permanent, match="each date is a run of its own"):
            airflow.cancel_backfill(1)
