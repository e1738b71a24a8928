"""Every verb that reads Airflow, beside a real one: what a person is shown is what Airflow's own API or metastore says.

Hard case: a task that runs without a heartbeat; its row is written into the metastore, in a run that Airflow is done with, and
taken out again. Rule: a story has what it needs made for itself, and takes it away again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from tests.scenarios.house import AIRFLOW_PATIENCE, House
from tests.scenarios.seen import Message
from tests.scenarios.world import ENDED, answered, every, forget, label, metastore, world
from tests.stacks import VERSIONS

Story = Callable[[House], None]
LOOKS: dict[Story, tuple[str, ...]] = {}
READ = "sales_daily"  # one run that failed; nobody changes it
SECRET = "hunter2hunter2"


def of(*verbs: str) -> Callable[[Story], Story]:
    """Which verbs a story is about."""

    def keep(story: Story) -> Story:
        LOOKS[story] = verbs
        return story

    return keep


def the_alert(house: House) -> tuple[Message, str]:
    """The alert about `load`, and its name."""
    assert house.ended(READ) == "failed"
    alert = house.alert(f"{READ}.load failed")
    return alert, f"A-{alert.row['metadata']['event_payload']['incident']}"


@of("status", "open", "health", "jobs")
def how_airflow_is(house: House) -> None:
    _, name = the_alert(house)
    dags = world(house).paused
    active = f"{sum(not paused for paused in dags.values())} of {len(dags)} DAGs active"
    assert house.airflow.rest.is_healthy()
    answered(house, "status", "test is well", VERSIONS[house.airflow.major], active, name)
    answered(house, "open", name, f"{READ}.load failed")
    answered(house, "health", "✓ metastore", "✓ scheduler", active)
    answered(house, "health scheduler-heartbeat", "✓ nothing found", "asked now")
    # a scheduler that another test killed stays "running" in its row
    long_ago = datetime.now(UTC) - timedelta(seconds=30)
    metastore(
        house, "update job set state = 'failed' where state = 'running' and latest_heartbeat < :old", old=long_ago
    )
    job = metastore(house, "select hostname from job where job_type = 'SchedulerJob' and state = 'running'")[0]
    answered(
        house, "jobs", "all beat", "✓ beats", "scheduler", *([job["hostname"]] if house.airflow.major == 3 else [])
    )


@of("show", "runs", "tasks")
def a_dag_a_run_and_a_task_by_each_of_their_names(house: House) -> None:
    _, name = the_alert(house)
    run, states = house.runs[READ], house.states(READ)
    assert house.airflow.rest.run_state(READ, run) == "failed"
    answered(house, f"show {READ}", "*active*", "data-eng", "no schedule", name)
    answered(house, f"show {name}", name, f"{READ}.load failed, try 1/1")
    answered(house, f"show test:{name}", f"{READ}.load failed, try 1/1")
    tree = answered(house, f"tasks {READ}@{run}", run, "*failed*", "load failed").words
    for task, (state, _) in states.items():
        assert any(task in line and str(state) in line for line in tree.split("\n")), (task, state, tree)
    for shown in (f"{READ}@{run}", f"test:{READ}@{run}", *links(house, run)):
        answered(house, f"show {shown}", run, "*failed*", "load failed")
    for shown in (f"{READ}.load@{run}", *links(house, run, "load")):
        answered(house, f"show {shown}", f"*{READ}.load* is *failed*", run)
    answered(house, f"show https://airflow.example.org/dags/{READ}", "Nothing was changed", "one of our Airflows")
    answered(house, f"show prod:{name}", "Nothing was changed", "no deployment `prod`")
    failed = [one for one in world(house).runs.items() if one[0].startswith(f"{READ}@") and one[1] == "failed"]
    answered(house, f"runs {READ} failed", f"{len(failed)} failed run", run)
    answered(house, f"runs {READ} success", "has no success run")


def links(house: House, run: str, task: str = "") -> list[str]:
    """What somebody copies from Airflow's pages of this major, by way of each address; and with the deployment before it."""
    tail = f"/dags/{READ}/runs/{quote(run, safe='')}" + (f"/tasks/{task}" if task else "")
    if house.airflow.major == 2:
        tail = f"/dags/{READ}/grid?dag_run_id={quote(run, safe='')}" + (f"&task_id={task}&tab=logs" if task else "")
    return [f"{house.airflow.url}{tail}", f"{house.road.url}{tail}", f"test:{house.airflow.url}{tail}"]


@of("logs")
def a_log_begins_with_the_last_error_and_has_the_tries_before(house: House) -> None:
    dag, run = "orders_hourly", house.runs["orders_hourly"]
    assert house.ended(dag) == "failed"
    assert house.states(dag)["fetch_orders"] == ("failed", 3)
    for number in (1, 2, 3):
        assert f"page={40 + number} answered 503" in log_in_airflow(house, dag, run, "fetch_orders", number)
    newest = answered(house, f"logs {dag}.fetch_orders@{run}", "ShopUnavailable", "page=43 answered 503", "try 3/3")
    assert "page=42" not in newest.words
    newest.press("Try 2").expect_ephemeral("page=42 answered 503", "try 2/3", seconds=AIRFLOW_PATIENCE)
    answered(house, f"logs {dag}.fetch_orders@{run} try 1", "page=41 answered 503", "try 1/3")


def log_in_airflow(house: House, dag: str, run: str, task: str, number: int) -> str:
    path = f"dags/{dag}/dagRuns/{quote(run, safe='')}/taskInstances/{task}/logs/{number}"
    return str(house.airflow.rest.call("GET", path, headers={"Accept": "application/json"}))


@of("import-errors")
def files_that_do_not_import(house: House) -> None:
    (error,) = house.airflow.rest.import_errors()
    last = str(error["stack_trace"] if "stack_trace" in error else error["stacktrace"]).strip().split("\n")[-1]
    file = str(error["filename"]).rsplit("/", 1)[-1]
    answered(house, "import-errors", "*1 DAG file does not import*", file, last)


@of("pools")
def pools_with_who_fills_them(house: House) -> None:
    rest = house.airflow.rest
    rest.call("POST", "pools", json={"name": "verbs_pool", "slots": 3, "description": "", "include_deferred": False})
    try:
        there = {one["name"]: one["slots"] for one in rest.call("GET", "pools")["pools"]}
        assert there["verbs_pool"] == 3
        answered(house, "pools", f"{len(there)} pools, none full", "verbs_pool", "0/3", f"/{there['default_pool']}")
    finally:
        rest.call("DELETE", "pools/verbs_pool")


@of("connection")
def a_connection_connects_and_its_password_is_never_shown(house: House) -> None:
    rest = house.airflow.rest
    body = {
        "connection_id": "verbs_zone",
        "conn_type": "fs",
        "login": "etl",
        "password": SECRET,
        "extra": '{"path": "/"}',
    }
    rest.call("POST", "connections", json=body)
    try:
        assert rest.call("GET", "connections/verbs_zone")["login"] == "etl"
        shown = answered(house, "connection get verbs_zone", "a connection of type fs", "etl", "never shown")
        assert SECRET not in str(shown.row)
        # Airflow 2 tests what it is sent, and what it keeps secret cannot be sent: that is said, and nothing is claimed
        found = ("✓ *verbs_zone* connects",) if house.airflow.major == 3 else ("was not tested", "proves nothing")
        answered(house, "connection test verbs_zone", *found)
        answered(house, "connection test verbs_zome", "no connection `verbs_zome`", "verbs_zone")
    finally:
        rest.call("DELETE", "connections/verbs_zone")


@contextmanager
def invented_runs(house: House, dag: str, count: int) -> Iterator[list[str]]:
    """Runs of a paused DAG that never start; what is said of them is written into the metastore."""
    runs = [house.airflow.rest.trigger(dag, run_id=f"manual__invented_{n}", unpause=False) for n in range(count)]
    try:
        yield runs
    finally:
        metastore(house, "update task_instance set state = 'success' where dag_id = :dag", dag=dag)
        forget(house, dag, runs)


@of("zombies")
def a_task_that_runs_without_a_heartbeat(house: House) -> None:
    dag, beat = "shipments_daily", ", last_heartbeat_at = :then" if house.airflow.major == 3 else ""
    answered(house, "zombies", "Every running task beats")
    house.airflow.rest.set_paused(dag, True)
    with invented_runs(house, dag, 1) as (run,):
        ids = {"dag": dag, "run": run}
        metastore(house, "update dag_run set state = 'success' where dag_id = :dag and run_id = :run", **ids)
        metastore(house, f"update task_instance set state = 'running', hostname = 'worker-7', start_date = :then{beat} "
                  "where dag_id = :dag and run_id = :run and task_id = 'read_warehouse'",
                  then=datetime.now(UTC) - timedelta(hours=1), **ids)  # fmt: skip
        assert house.airflow.rest.task_state(dag, run, "read_warehouse")[0] == "running"
        answered(house, "zombies", f"{dag}.read_warehouse", "without a heartbeat for", "worker-7")
        answered(house, "health stale-heartbeats", f"{dag}.read_warehouse")
    answered(house, "zombies", "Every running task beats")


@of("slow", "report")
def what_takes_longer_than_before_and_how_a_dag_did(house: House) -> None:
    dag, now = "payments_hourly", datetime.now(UTC)
    house.airflow.rest.set_paused(dag, True)
    # runs that other tests left are long past
    past = now - timedelta(days=120)
    metastore(house, "update dag_run set state = 'success', start_date = :past, end_date = :past where dag_id = :dag",
              past=past, dag=dag)  # fmt: skip
    with invented_runs(house, dag, 6) as runs:
        for place, run in enumerate(runs):
            end = now - timedelta(hours=1 if place < 3 else 72, minutes=place)
            took, state = (90, "failed" if place == 0 else "success") if place < 3 else (10, "success")
            ids = {"dag": dag, "run": run}
            metastore(
                house,
                "update dag_run set state = :state, start_date = :start, end_date = :end "
                "where dag_id = :dag and run_id = :run",
                state=state,
                start=end - timedelta(seconds=took),
                end=end,
                **ids,
            )
            metastore(house, "update task_instance set state = 'success', duration = :took, start_date = :start, "
                      "end_date = :end where dag_id = :dag and run_id = :run", took=took, end=end,
                      start=end - timedelta(seconds=took), **ids)  # fmt: skip
        there = [state for name, state in world(house).runs.items() if name in {f"{dag}@{run}" for run in runs}]
        assert (there.count("success"), there.count("failed")) == (5, 1)
        answered(house, "slow", "slower than before", f"{dag}.read_warehouse", "metastore")
        answered(house, f"report {dag}", "83.3 % of 6 runs succeeded", "1 failed run", runs[0], "metastore")


@of("escalate", "runbook", "oncall", "digest", "audit")
def what_is_said_and_done_about_an_alert(house: House) -> None:
    alert, name = the_alert(house)
    before = world(house)
    answered(house, f"escalate test:{name} the month ends", "is escalated")
    alert.expect_edit("PagerDuty rang", seconds=AIRFLOW_PATIENCE)
    rung = [one for one in house.room.pagerduty.incidents() if READ in str(one)]
    assert [one["status"] for one in rung] == ["triggered"], house.room.pagerduty.incidents()
    answered(house, "runbook", "connection-refused")
    answered(house, "runbook zombie-tasks", "Runbook:", "/runbooks/zombie-tasks")
    answered(house, "oncall", "*Ana Lima* is on call")
    answered(house, "digest today", f"so far: {ended_today(house)} run")
    answered(house, f"audit {name}", "*Ana*", "escalate")
    assert world(house) == before


def ended_today(house: House) -> int:
    """How many runs ended since midnight UTC."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    found = every(house, "dags/~/dagRuns", "dag_runs")
    return sum(run["state"] in ENDED and str(run["end_date"]).startswith(today) for run in found)


def names(house: House, dag: str) -> list[str]:
    """The task instances of the house's own run of a DAG, as Airflow tells them."""
    return [label(one) for one in house.airflow.rest.task_instances(dag, house.runs[dag])]
