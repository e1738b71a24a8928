"""What the plugin says: the right identity, the right words, and nothing that had to be loaded."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from bot.checks.catalog.dag_files import short_path as of_the_sweep
from bot.core.signals.wire import parse
from bot.plugin import windsock_airflow as plugin
from tests.plugin.conftest import ASKED, ClassicTask, Enum, RuntimeTask, run
from tests.plugin.receiver import Receiver

LISTENER = plugin.WindsockListener()


def raised(error: Exception) -> Exception:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


class Trouble(Exception):
    pass


def test_an_airflow_2_failure_has_its_full_identity_and_loads_nothing(receiver: Receiver) -> None:
    ASKED.clear()
    LISTENER.on_task_instance_failed("running", ClassicTask(), raised(ValueError("no such column")))
    assert ASKED == []
    (signal,) = receiver.wait_for(1)
    assert {name: signal[name] for name in ("v", "kind", "deployment", "dag_id", "run_id", "task_id")} == {
        "v": 1,
        "kind": "task_failed",
        "deployment": "test",
        "dag_id": "sales_daily",
        "run_id": "scheduled__2026-11-22T05:00:00+00:00",
        "task_id": "load",
    }
    assert (signal["map_index"], signal["try_number"], signal["max_tries"]) == (-1, 3, 2)
    assert (signal["state"], signal["source"], signal["owner"]) == ("failed", "listener", "data-eng")
    assert signal["tags"] == ["critical", "nightly"]
    assert signal["exception"]["type"] == "ValueError"
    assert "in raised" in signal["exception"]["traceback"]
    assert "log_url" not in signal


def test_an_airflow_3_retry_is_told_as_retrying(receiver: Receiver) -> None:
    LISTENER.on_task_instance_failed("running", RuntimeTask(), raised(Trouble("refused")))
    (signal,) = receiver.wait_for(1)
    assert (signal["kind"], signal["state"], signal["map_index"], signal["try_number"]) == (
        "task_retrying",
        "up_for_retry",
        7,
        1,
    )
    assert signal["log_url"].endswith("mapped/7?try_number=1")
    assert signal["exception"]["type"] == f"{__name__}.Trouble"


def test_listener_and_callback_in_one_process_are_told_once(receiver: Receiver) -> None:
    error = raised(Trouble("refused"))
    ti = ClassicTask()
    plugin.notify_failure({"ti": ti, "exception": error})
    LISTENER.on_task_instance_failed("running", ti, error)
    LISTENER.on_task_instance_failed("running", ClassicTask(task_id="other"), error)
    assert [(s["task_id"], s["source"]) for s in receiver.wait_for(2)] == [("load", "callback"), ("other", "listener")]


def test_callback_and_listener_have_one_identity_for_the_bot(receiver: Receiver) -> None:
    error = raised(Trouble("refused"))
    plugin.notify_failure({"ti": RuntimeTask(state=None), "exception": None})
    plugin._forget()
    LISTENER.on_task_instance_failed("running", RuntimeTask(state=Enum("failed")), error)
    now = datetime.now(UTC)
    one, two = (parse(signal, now) for signal in receiver.wait_for(2))
    assert one.identity == two.identity


def test_a_killed_task_is_told_by_its_sentence(receiver: Receiver) -> None:
    LISTENER.on_task_instance_failed("running", ClassicTask(), "{'DAG Id': 'sales_daily', 'Hostname': 'worker-3'}")
    (signal,) = receiver.wait_for(1)
    assert signal["exception"] == {
        "type": "",
        "message": "{'DAG Id': 'sales_daily', 'Hostname': 'worker-3'}",
        "traceback": "",
    }


def test_a_success_is_told_only_when_it_can_heal_something(receiver: Receiver) -> None:
    LISTENER.on_task_instance_success("running", ClassicTask(try_number=1))
    LISTENER.on_task_instance_success("running", ClassicTask(try_number=2))
    LISTENER.on_task_instance_success(None, ClassicTask(try_number=1, task_id="marked_by_hand"))
    assert [(s["kind"], s["task_id"]) for s in receiver.wait_for(2)] == [
        ("task_succeeded", "load"),
        ("task_succeeded", "marked_by_hand"),
    ]


def test_runs_are_told_with_their_facts(receiver: Receiver) -> None:
    start, end = datetime(2026, 11, 22, 5, tzinfo=UTC), datetime(2026, 11, 22, 5, 2, 30, tzinfo=UTC)
    LISTENER.on_dag_run_failed(run(start_date=start, end_date=end), "task_failure")
    LISTENER.on_dag_run_success(run(_state="success"), "")
    failed, well = sorted(receiver.wait_for(2), key=lambda signal: str(signal["kind"]))
    assert (failed["kind"], failed["state"], failed["duration"], failed["tags"]) == (
        "run_failed",
        "failed",
        150.0,
        ["critical"],
    )
    assert failed["occurred_at"] == "2026-11-22T05:02:30.000Z"
    assert well["kind"] == "run_succeeded"


def test_an_import_error_is_told_once_a_minute_under_a_short_name(receiver: Receiver) -> None:
    trace = 'Traceback (most recent call last):\n  File "/opt/airflow/dags/a/b.py", line 7\nImportError: no fx_rate\n'
    LISTENER.on_new_dag_import_error("/opt/airflow/dags/a/b.py", trace)
    plugin._forget()  # Airflow 2 parses the file again in another process
    LISTENER.on_existing_dag_import_error("/opt/airflow/dags/a/b.py", trace)
    LISTENER.on_existing_dag_import_error("/opt/airflow/dags/a/b.py", trace.replace("fx_rate", "rate"))
    first, second = receiver.wait_for(2)
    assert (first["kind"], first["file"], first["path"]) == ("import_error", "a/b.py", "/opt/airflow/dags/a/b.py")
    assert first["exception"]["type"] == "ImportError"
    assert second["exception"]["message"] == "no rate"


@pytest.mark.parametrize(
    ("hook", "metastore"),
    [
        ("/opt/airflow/dags/finance/ledger.py", "finance/ledger.py"),
        ("/opt/airflow/dags/ledger.py", "/opt/airflow/dags/ledger.py"),
        ("/var/airflow/dag_bundles/main/tracking_repo/etl/x.py", "etl/x.py"),
        ("/var/airflow/dag_bundles/main/tracking_repo/dags/x.py", "dags/x.py"),
        ("/srv/team/dags/x.py", "team/dags/x.py"),
        ("/home/etl/x.py", "/home/etl/x.py"),
    ],
)
def test_hook_and_metastore_agree_on_the_name_of_a_file(hook: str, metastore: str) -> None:
    assert plugin.short_path(hook) == of_the_sweep(metastore)
    assert plugin.short_path(metastore) == of_the_sweep(hook)


def test_a_folder_with_another_name_is_known_from_airflows_settings() -> None:
    assert plugin.short_path("/srv/pipelines/etl/x.py", ("/srv/pipelines/",)) == of_the_sweep("etl/x.py")


def test_the_cause_of_a_cause_is_in_the_traceback() -> None:
    def start() -> None:
        try:
            dict[str, str]()["key"]
        except KeyError as cause:
            raise Trouble("could not start") from cause

    with pytest.raises(Trouble) as caught:
        start()
    told = plugin._exception(caught.value)
    assert told is not None
    assert told["type"].endswith("Trouble")
    assert told["message"] == "could not start"
    assert told["traceback"].index("KeyError: 'key'") < told["traceback"].index("direct cause")
    assert told["traceback"].rstrip().endswith("Trouble: could not start")


def test_megabytes_are_cut_and_the_innermost_frame_stays() -> None:
    def innermost() -> None:
        raise Trouble("x" * 3_000_000)

    def deep(levels: int) -> None:
        deep(levels - 1) if levels else innermost()

    with pytest.raises(Trouble) as caught:
        deep(400)
    told = plugin._exception(caught.value)
    assert told is not None
    assert len(told["message"]) <= plugin.MESSAGE_CHARS
    assert len(told["traceback"]) <= plugin.TRACEBACK_CHARS
    assert "in innermost" in told["traceback"]


@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        ("psycopg", "OperationalError", "psycopg.OperationalError"),
        ("builtins", "Odd", "Odd"),
        ("unusual_prefix_7e0d3fc6a5b14a9f7f0c0d0d0d0d0d0d0d0d0d0d_sales", "Odd", "sales.Odd"),
    ],
)
def test_types_are_named_as_people_write_them(module: str, name: str, expected: str) -> None:
    kind = type(name, (Exception,), {"__module__": module, "__qualname__": name})
    assert plugin._type_name(kind()) == expected


class Hostile:
    """Every attribute raises, and so does its text."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"no {name} for you")

    def __str__(self) -> str:
        raise RuntimeError("no text for you")


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


@pytest.mark.parametrize("make", [Hostile, lambda: None, lambda: 3, lambda: "text", object, lambda: {"a": 1}])
def test_nothing_is_ever_raised_into_airflow(make: Any, receiver: Receiver) -> None:
    thing = make()
    for call in (
        lambda: LISTENER.on_task_instance_failed(thing, thing, thing),
        lambda: LISTENER.on_task_instance_failed("running", ClassicTask(task=thing, end_date=thing), Unprintable()),
        lambda: LISTENER.on_task_instance_success(thing, thing),
        lambda: LISTENER.on_dag_run_failed(thing, thing),
        lambda: LISTENER.on_dag_run_success(thing, thing),
        lambda: LISTENER.on_new_dag_import_error(thing, thing),
        lambda: LISTENER.on_starting(thing),
        lambda: LISTENER.before_stopping(thing),
        lambda: plugin.notify_failure(thing),
        lambda: plugin.notify_retry({"ti": thing}),
        lambda: plugin.notify_success({"ti": RuntimeTask(log_url_=thing), "dag_run": thing}),
        lambda: plugin.notify_dag_failure({"dag_run": thing}),
        lambda: plugin.notify_sla_miss(thing, thing, thing, [thing], thing),
        lambda: plugin.deadline_missed_sync(context=thing),
        lambda: asyncio.run(plugin.deadline_missed(context=thing)),
    ):
        call()


@pytest.mark.parametrize("moment", [datetime(1, 1, 1), datetime(9999, 12, 31, 23)])  # noqa: DTZ001 - made aware below
@pytest.mark.parametrize("hours", [-14, 14])
def test_a_moment_that_utc_does_not_have_costs_no_signal(moment: datetime, hours: int, receiver: Receiver) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    LISTENER.on_task_instance_failed("running", ClassicTask(end_date=aware, start_date=aware), "dead")
    assert [signal["kind"] for signal in receiver.signals] == ["task_failed"]


class AirflowTaskTimeout(BaseException):
    """As Airflow's own: no Exception."""


def test_every_interrupt_gets_through_and_no_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(error: type[BaseException]) -> None:
        def send(*_: object) -> None:
            raise error

        monkeypatch.setattr(plugin, "_send", send)
        plugin._forget()
        LISTENER.on_task_instance_failed("running", ClassicTask(), None)

    for quiet in (MemoryError, OSError, RecursionError):
        raising(quiet)
    for interrupt in (KeyboardInterrupt, SystemExit, GeneratorExit, AirflowTaskTimeout):
        with pytest.raises(interrupt):
            raising(interrupt)


def test_without_an_address_nothing_happens(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, spool: Any) -> None:
    monkeypatch.delenv("WINDSOCK_URL")
    LISTENER.on_task_instance_failed("running", ClassicTask(), "dead")
    LISTENER.on_dag_run_failed(run(), "")
    plugin.notify_failure({"ti": ClassicTask()})
    assert receiver.signals == []
    assert not spool.exists()


def test_what_cannot_be_named_is_not_sent(receiver: Receiver) -> None:
    LISTENER.on_task_instance_failed("running", SimpleNamespace(state="failed"), "dead")
    LISTENER.on_task_instance_failed("running", ClassicTask(), "dead")
    assert [signal["task_id"] for signal in receiver.wait_for(1)] == ["load"]


def test_no_secrets_leave(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    ti = ClassicTask(rendered_fields={"bash_command": "hunter2"}, executor_config={"env": "hunter2"})
    LISTENER.on_task_instance_failed("running", ti, "dead")
    LISTENER.on_dag_run_failed(run(conf={"password": "hunter2"}), "task_failure")
    assert "hunter2" not in json.dumps(receiver.wait_for(2))


def test_an_sla_miss_names_each_task_and_its_run(receiver: Receiver) -> None:
    date = datetime(2026, 11, 22, 5, tzinfo=UTC)
    misses = [SimpleNamespace(dag_id="sales_daily", task_id=name, execution_date=date) for name in ("load", "check")]
    plugin.notify_sla_miss(SimpleNamespace(dag_id="sales_daily", tags=["critical"]), "load on …", "", misses, [])
    told = receiver.wait_for(2)
    assert [(s["kind"], s["task_id"], s["run_id"]) for s in told] == [
        ("sla_missed", "load", "scheduled__2026-11-22T05:00:00+00:00"),
        ("sla_missed", "check", "scheduled__2026-11-22T05:00:00+00:00"),
    ]


@pytest.mark.parametrize("way", ["async", "sync"])
def test_a_missed_deadline_is_told(way: str, receiver: Receiver) -> None:
    context = {
        "dag_run": {"dag_id": "sales_daily", "dag_run_id": "manual__1", "logical_date": None, "state": "running"},
        "deadline": {"id": "d-1", "deadline_time": datetime(2026, 11, 22, 6, tzinfo=UTC)},
    }
    if way == "async":
        asyncio.run(plugin.deadline_missed(context=context, name="orders in time"))
    else:
        plugin.deadline_missed_sync(context=context, name="orders in time")
    (signal,) = receiver.wait_for(1)
    assert (signal["kind"], signal["dag_id"], signal["run_id"]) == ("deadline_missed", "sales_daily", "manual__1")
    assert (signal["deadline"], signal["alert"]) == ("2026-11-22T06:00:00.000Z", {"name": "orders in time"})


def test_every_signal_is_one_that_the_bot_takes(receiver: Receiver) -> None:
    LISTENER.on_task_instance_failed("running", ClassicTask(), raised(Trouble("\x00 \ud800 odd")))
    LISTENER.on_task_instance_failed("running", RuntimeTask(), "killed")
    LISTENER.on_task_instance_success("running", ClassicTask(task_id="again"))
    LISTENER.on_dag_run_failed(run(), "task_failure")
    LISTENER.on_new_dag_import_error("/opt/dags/x.py", "SyntaxError: bad")
    plugin.deadline_missed_sync(context={"dag_run": {"dag_id": "d", "dag_run_id": "r"}})
    for signal in receiver.wait_for(6):
        parse(signal, datetime.now(UTC))
