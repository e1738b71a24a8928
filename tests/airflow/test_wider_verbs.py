"""What the wider verbs promise where a server is older, stricter or half away: forced on a local server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from bot.airflow.gateway import Gateway, GatewayConfig, connect
from bot.core.airflow.protocol import BackfillDate, ConnectionTest
from bot.core.errors import Permanent, Temporary
from tests.airflow.paper import PaperAirflow
from tests.airflow.scripted import Asked, Says, ScriptedAirflow, scripted_airflow

START, END = datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 18, 12, tzinfo=UTC)
RUNS_3, RUNS_1 = "/api/v2/dags/sales/dagRuns", "/api/v1/dags/sales/dagRuns"
DAG_1 = {
    "dag_id": "sales",
    "schedule_interval": {"__type": "CronExpression", "value": "0 5 * * *"},
    "next_dagrun_data_interval_start": "2026-11-21T05:00:00+00:00",
    "next_dagrun_data_interval_end": "2026-11-22T05:00:00+00:00",
}


@pytest.fixture
def airflow() -> Iterator[ScriptedAirflow]:
    with scripted_airflow() as server:
        yield server


@pytest.fixture
def gateway(airflow: ScriptedAirflow) -> Iterator[Gateway]:
    gateway = connect(GatewayConfig("prod", airflow.url, "bot", "secret", timeout=5.0))
    yield gateway
    gateway.close()


def is_three(airflow: ScriptedAirflow, version: str = "3.3.2") -> None:
    airflow.is_version(version)


def is_two(airflow: ScriptedAirflow) -> None:
    airflow.is_version("2.11.2")
    airflow.on("GET", "/api/v1/dags/sales", Says(body=DAG_1))
    airflow.on("GET", "/api/v1/dags/sales/details", Says(body={**DAG_1, "timezone": "UTC"}))
    airflow.on("GET", RUNS_1, Says(body={"dag_runs": [], "total_entries": 0}))


def run_row(run_id: str, state: str = "queued", at: str | None = None, **more: Any) -> dict[str, Any]:
    return {"dag_id": "sales", "dag_run_id": run_id, "state": state, "logical_date": at, **more}


# ---- runs


@pytest.mark.parametrize(
    ("version", "types"),
    [
        ("3.0.6", ["manual", "asset_triggered"]),
        ("3.1.8", ["manual", "asset_triggered"]),
        ("3.2.0", ["manual", "asset_triggered", "asset_materialization"]),
        ("3.3.2", ["manual", "asset_triggered", "asset_materialization", "operator_triggered"]),
    ],
)
def test_a_window_of_time_holds_the_runs_without_a_date_too(
    airflow: ScriptedAirflow, gateway: Gateway, version: str, types: list[str]
) -> None:
    """Older servers refuse the run types of newer ones, so that only those are named that they know."""
    is_three(airflow, version)

    def answer(asked: Asked) -> Says:
        query = parse_qs(asked.query)
        if "run_after_gte" not in query:
            rows = [run_row("dated", at="2026-11-17T05:00:00Z", run_after="2026-11-17T05:00:00Z")]
        else:
            assert query["run_type"] == types
            later = run_row("undated", run_after="2026-11-17T07:00:00Z")
            rows = [later, run_row("also dated", at="2026-10-01T05:00:00Z", run_after="2026-11-17T06:00:00Z")]
        return Says(body={"dag_runs": rows, "total_entries": len(rows)})

    airflow.on("GET", RUNS_3, answer)
    assert [run.run_id for run in gateway.runs("sales", since=START, until=END)] == ["undated", "dated"]
    assert [run.run_id for run in gateway.runs("sales", limit=1, since=START, until=END)] == ["undated"]


def test_a_page_of_unwanted_runs_is_not_the_end(airflow: ScriptedAirflow, gateway: Gateway) -> None:
    is_three(airflow)

    def answer(asked: Asked) -> Says:
        query = parse_qs(asked.query)
        rows = [run_row(f"r{number}", at="2026-11-17T05:00:00Z") for number in range(100)]
        if "run_after_gte" not in query:
            rows = []
        elif int(query["offset"][0]):
            rows = [run_row("undated", run_after="2026-11-17T07:00:00Z")]
        return Says(body={"dag_runs": rows, "total_entries": 101 if "run_after_gte" in query else 0})

    airflow.on("GET", RUNS_3, answer)
    assert [run.run_id for run in gateway.runs("sales", limit=1, since=START)] == ["undated"]


# ---- variables and connections


@pytest.mark.parametrize("version", ["3.1.8", "2.11.2"])
def test_a_value_is_in_no_log_and_in_no_error(
    airflow: ScriptedAirflow, gateway: Gateway, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    airflow.is_version(version)
    prefix = "/api/v1" if version.startswith("2") else "/api/v2"
    caplog.set_level(logging.DEBUG)
    airflow.on("GET", f"{prefix}/variables/k", Says(404, {"detail": "no such variable"}))
    airflow.on("POST", f"{prefix}/variables", Says(500, {"detail": "out of order"}))
    with pytest.raises(Temporary) as failed:
        gateway.set_variable("k", "swordfish")
    assert failed.value.acted is None
    assert "swordfish" not in str(failed.value) + caplog.text


def test_a_variable_that_is_there_is_changed_by_name_of_its_fields(airflow: ScriptedAirflow, gateway: Gateway) -> None:
    """3.x: the mask keeps a description that nobody has named."""
    is_three(airflow)
    airflow.on("POST", "/api/v2/variables", Says(409, {"detail": "exists"}))
    airflow.on("PATCH", "/api/v2/variables/k", Says(body={"key": "k", "value": "v"}))
    airflow.on("GET", "/api/v2/variables/k", Says(body={"key": "k", "value": "v", "description": "old"}))
    assert gateway.set_variable("k", "v").description == "old"
    asked = airflow.last("PATCH", "/api/v2/variables/k")
    assert (asked.body, parse_qs(asked.query)) == ({"key": "k", "value": "v"}, {"update_mask": ["value"]})


CONNECTION = {"connection_id": "c", "conn_type": "http", "host": "h", "login": None, "port": None, "password": "***"}


@pytest.mark.parametrize(
    ("version", "is_whole"), [("3.3.2", True), ("3.1.8", True), ("3.0.6", False), ("2.11.2", False)]
)
def test_only_a_test_with_the_stored_password_says_that_a_connection_is_broken(
    airflow: ScriptedAirflow, gateway: Gateway, version: str, is_whole: bool
) -> None:
    airflow.is_version(version)
    prefix = "/api/v1" if version.startswith("2") else "/api/v2"
    airflow.on("GET", f"{prefix}/connections/c", Says(body=CONNECTION))
    refused = Says(body={"status": False, "message": "401 Unauthorized"})
    airflow.on("POST", f"{prefix}/connections/test", refused, Says(body={"status": True, "message": "fine"}))
    found = gateway.test_connection("c")
    assert (found.ok, "401 Unauthorized" in found.message) == (False if is_whole else None, True)
    assert ("proves nothing" in found.message) is not is_whole
    assert gateway.test_connection("c") == ConnectionTest(True, "fine")
    sent = airflow.last("POST", f"{prefix}/connections/test").body
    assert sent == {"connection_id": "c", "conn_type": "http", "host": "h"}


@pytest.mark.parametrize("version", ["3.3.2", "2.11.2"])
def test_where_connections_are_not_tested_it_is_said_how_to_have_it(
    airflow: ScriptedAirflow, gateway: Gateway, version: str
) -> None:
    airflow.is_version(version)
    prefix = "/api/v1" if version.startswith("2") else "/api/v2"
    airflow.on("GET", f"{prefix}/connections/c", Says(body=CONNECTION))
    said = "Testing connections is disabled in Airflow configuration. Contact your deployment admin to enable it."
    off = Says(403, said.encode()) if version.startswith("2") else Says(403, {"detail": said})
    airflow.on("POST", f"{prefix}/connections/test", off, Says(403, {"detail": "Forbidden"}))
    found = gateway.test_connection("c")
    assert found.ok is None
    assert "`[core] test_connection = Enabled`" in found.message
    with pytest.raises(Permanent, match="the bot may not test connections"):
        gateway.test_connection("c")


# ---- jobs


def test_a_part_that_was_killed_is_not_alive_and_is_forgotten_after_a_day(
    airflow: ScriptedAirflow, gateway: Gateway
) -> None:
    is_three(airflow)
    now, last_year = datetime.now(UTC).isoformat(), "2025-11-22T00:00:00Z"
    alive = {"id": 3, "job_type": "SchedulerJob", "state": "running", "hostname": "a", "latest_heartbeat": now}
    killed = {**alive, "id": 2, "hostname": "b"}
    long_dead = {**alive, "id": 1, "hostname": "c", "latest_heartbeat": last_year}
    other = {**alive, "id": 4, "job_type": "LocalTaskJob"}

    def answer(asked: Asked) -> Says:
        rows = [alive] if "is_alive" in asked.query else [alive, killed, long_dead, other]
        return Says(body={"jobs": rows, "total_entries": 4})

    airflow.on("GET", "/api/v2/jobs", answer)
    assert [(job.hostname, job.is_alive) for job in gateway.jobs()] == [("a", True), ("b", False)]


def test_a_part_that_has_not_beaten_for_days_is_still_told(airflow: ScriptedAirflow, gateway: Gateway) -> None:
    airflow.is_version("2.11.2")
    sick = {"status": "unhealthy", "latest_scheduler_heartbeat": "2025-11-22T00:00:00+00:00"}
    absent = {"status": None, "latest_triggerer_heartbeat": None}
    airflow.on("GET", "/api/v1/health", Says(body={"scheduler": sick, "triggerer": absent}))
    assert [(job.kind, job.state, job.is_alive) for job in gateway.jobs()] == [("scheduler", "unhealthy", False)]


# ---- backfills


def test_a_dry_run_of_an_older_server_is_read_and_the_runs_that_are_there_are_named(
    airflow: ScriptedAirflow, gateway: Gateway
) -> None:
    """3.0 tells the logical date and nothing else, and knows no `run_on_latest_version`."""
    is_three(airflow, "3.0.6")
    rows = [{"logical_date": "2026-11-17T05:00:00Z"}, {"logical_date": "2026-11-16T05:00:00Z"}, {"odd": 1}]
    airflow.on("POST", "/api/v2/backfills/dry_run", Says(body={"backfills": rows, "total_entries": 3}))
    there = [run_row("r1", "failed", "2026-11-16T05:00:00Z"), run_row("undated")]
    airflow.on("GET", RUNS_3, Says(body={"dag_runs": there, "total_entries": 2}))
    assert gateway.backfill_dates("sales", START, END, rerun="failed") == [
        BackfillDate(datetime(2026, 11, 16, 5, tzinfo=UTC), "r1", "failed"),
        BackfillDate(datetime(2026, 11, 17, 5, tzinfo=UTC)),
    ]
    assert airflow.last("POST", "/api/v2/backfills/dry_run").body == {
        "dag_id": "sales",
        "from_date": "2026-11-16T00:00:00+00:00",
        "to_date": "2026-11-18T12:00:00+00:00",
        "reprocess_behavior": "failed",
        "run_backwards": False,
    }


def test_a_partitioned_dag_is_told_by_the_dates_of_its_partitions(airflow: ScriptedAirflow, gateway: Gateway) -> None:
    is_three(airflow)
    rows = [{"logical_date": None, "partition_key": "2026-11-16", "partition_date": "2026-11-16T00:00:00Z"}]
    airflow.on("POST", "/api/v2/backfills/dry_run", Says(body={"backfills": rows, "total_entries": 1}))
    airflow.on("GET", RUNS_3, Says(body={"dag_runs": []}))
    assert gateway.backfill_dates("sales", START, END, rerun="none") == [BackfillDate(START)]


BACKFILL = {
    "id": 7, "dag_id": "sales", "from_date": "2026-11-16T00:00:00Z", "to_date": "2026-11-18T12:00:00Z",
    "dag_run_conf": {}, "is_paused": False, "reprocess_behavior": "none", "max_active_runs": 10,
    "created_at": "2026-11-22T12:00:00Z", "completed_at": None, "updated_at": "2026-11-22T12:00:00Z",
}  # fmt: skip


def test_a_backfill_of_a_3_0_server_is_read_with_its_own_runs_only(airflow: ScriptedAirflow, gateway: Gateway) -> None:
    """3.0's answer lacks `dag_display_name`, which the generated client insists on."""
    is_three(airflow, "3.0.6")
    airflow.on("GET", "/api/v2/backfills/7", Says(body=BACKFILL))
    mine = run_row("mine", "running", "2026-11-17T05:00:00Z", queued_at="2026-11-22T12:00:01Z")
    older = run_row("older", "success", "2026-11-16T05:00:00Z", queued_at="2026-11-20T12:00:00Z")
    airflow.on("GET", RUNS_3, Says(body={"dag_runs": [mine, older], "total_entries": 2}))
    found = gateway.backfill_state(7)
    assert found is not None
    assert (found.run_ids, found.counts, found.completed_at) == (("mine",), {"running": 1}, None)
    assert parse_qs(airflow.last("GET", RUNS_3).query)["run_type"] == ["backfill"]


def test_a_backfill_that_has_ended_is_cancelled_without_an_error(airflow: ScriptedAirflow, gateway: Gateway) -> None:
    is_three(airflow)
    airflow.on("PUT", "/api/v2/backfills/7/cancel", Says(409, {"detail": "Backfill is already completed."}))
    airflow.on("GET", "/api/v2/backfills/7", Says(body={**BACKFILL, "completed_at": "2026-11-22T12:05:00Z"}))
    airflow.on("GET", RUNS_3, Says(body={"dag_runs": []}))
    assert gateway.cancel_backfill(7).completed_at == datetime(2026, 11, 22, 12, 5, tzinfo=UTC)
    assert airflow.last("PUT", "/api/v2/backfills/7/cancel").body is None


def test_a_backfill_whose_answer_is_lost_is_not_asked_for_twice(airflow: ScriptedAirflow, gateway: Gateway) -> None:
    is_three(airflow)
    airflow.on("POST", "/api/v2/backfills", Says(drop=True))
    with pytest.raises(Temporary) as lost:
        gateway.backfill("sales", START, END, rerun="none", max_active_runs=3)
    assert (lost.value.acted, airflow.count("POST", "/api/v2/backfills")) == (None, 1)
    assert airflow.last("POST", "/api/v2/backfills").body["max_active_runs"] == 3


def test_on_airflow_2_a_backfill_is_a_run_for_each_date_with_the_interval_of_the_schedule(
    airflow: ScriptedAirflow, gateway: Gateway
) -> None:
    is_two(airflow)
    airflow.on("POST", RUNS_1, lambda asked: Says(body=run_row(asked.body["dag_run_id"])))
    asked = gateway.backfill("sales", START, END, rerun="none")
    assert asked.run_ids == tuple(f"windsock__2026-11-{day}T05:00:00+00:00" for day in (16, 17, 18))
    assert (asked.id, asked.counts, asked.refused) == (None, {"queued": 3}, ())
    assert airflow.last("POST", RUNS_1).body == {
        "dag_run_id": "windsock__2026-11-18T05:00:00+00:00",
        "conf": {},
        "logical_date": "2026-11-18T05:00:00+00:00",
        "data_interval_start": "2026-11-18T05:00:00+00:00",
        "data_interval_end": "2026-11-19T05:00:00+00:00",
    }


def test_on_airflow_2_what_was_refused_is_told_beside_what_was_started(
    airflow: ScriptedAirflow, gateway: Gateway
) -> None:
    is_two(airflow)
    fine = Says(body=run_row("one"))
    airflow.on("POST", RUNS_1, fine, Says(400, {"title": "Bad Request", "detail": "no"}), Says(503))
    asked = gateway.backfill("sales", START, END, rerun="none")
    assert asked.run_ids == ("one",)
    assert [words[:17] for words in asked.refused] == ["2026-11-17 05:00:", "2026-11-18 05:00:"]
    assert "did not accept it: no" in asked.refused[0]
    assert "not available (503)" in asked.refused[1]


@pytest.mark.parametrize(("says", "kind"), [(Says(503), Temporary), (Says(400, {"detail": "no"}), Permanent)])
def test_on_airflow_2_a_backfill_of_which_nothing_was_started_is_an_error(
    airflow: ScriptedAirflow, gateway: Gateway, says: Says, kind: type[Exception]
) -> None:
    is_two(airflow)
    airflow.on("POST", RUNS_1, says)
    with pytest.raises(kind):
        gateway.backfill("sales", START, END, rerun="none")


def test_a_timetable_that_cannot_be_computed_does_not_stop_a_run_for_a_date(
    airflow: ScriptedAirflow, gateway: Gateway
) -> None:
    is_two(airflow)
    airflow.on("GET", "/api/v1/dags/sales", Says(body={**DAG_1, "schedule_interval": None}))
    airflow.on("POST", RUNS_1, Says(body=run_row("r")))
    assert gateway.trigger("sales", "r", {}, logical_date=START).run_id == "r"
    sent = airflow.last("POST", RUNS_1).body
    assert sent == {"dag_run_id": "r", "conf": {}, "logical_date": "2026-11-16T00:00:00+00:00"}


# ---- the Airflow on paper, which other tests stand on


def test_the_airflow_on_paper_has_every_verb_of_the_gateway() -> None:
    public = {name for name in vars(Gateway) if not name.startswith("_")} - {"close"}
    assert public <= {name for name in dir(PaperAirflow)}
