"""How it gets there: at once or by the courier, within two seconds, and never lost while there is a disk."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bot.plugin import windsock_airflow as plugin
from tests.plugin.conftest import ClassicTask, run, waiting_files
from tests.plugin.receiver import Receiver

LISTENER = plugin.WindsockListener()


def fail(task_id: str = "load", **values: Any) -> None:
    LISTENER.on_task_instance_failed("running", ClassicTask(task_id=task_id, **values), "dead")


def wait_until(look: Any, what: str, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not look() and time.monotonic() < until:
        time.sleep(0.01)
    assert look(), what


@pytest.fixture
def dead_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_a_task_process_has_delivered_when_the_hook_returns(receiver: Receiver) -> None:
    fail()
    assert len(receiver.signals) == 1
    assert plugin._process.courier is None


def test_a_dead_bot_leaves_one_private_file_a_signal(dead_port: str, spool: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("WINDSOCK_URL", dead_port)
    fail("one")
    fail("two")
    kept = waiting_files(spool)
    assert [json.loads(path.read_text())["task_id"] for path in kept] == ["one", "two"]
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o600, 0o600]
    assert not list(spool.glob("*.tmp"))


def test_the_next_process_sends_what_the_last_one_kept(receiver: Receiver, spool: Path, monkeypatch: Any) -> None:
    receiver.answer(503)
    fail("first")
    assert len(waiting_files(spool)) == 1
    plugin._forget()
    receiver.answer(202)
    fail("second")
    assert [signal["task_id"] for signal in receiver.wait_for(2)] == ["second", "first"]
    assert waiting_files(spool) == []


def test_a_task_that_only_succeeds_sends_it_too(receiver: Receiver, spool: Path) -> None:
    plugin.Spool(str(spool)).keep(a_signal("old"))
    LISTENER.before_stopping(type("TaskRunnerMarker", (), {})())
    assert [signal["task_id"] for signal in receiver.signals] == ["old"]


def test_a_dripping_bot_costs_a_task_two_seconds_in_all(receiver: Receiver, spool: Path) -> None:
    receiver.answer(0)
    start = time.monotonic()
    for name in ("one", "two", "three"):
        fail(name)
    assert time.monotonic() - start < 4 * plugin.ONE_TASK_SECONDS
    assert plugin._process.left < 0.5, "the allowance was not spent"
    assert len(waiting_files(spool)) == 3


def test_a_silent_name_server_costs_no_more(monkeypatch: Any, spool: Path) -> None:
    monkeypatch.setattr(plugin, "ONE_TASK_SECONDS", 0.2)
    plugin._forget()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3))
    fail()
    assert len(waiting_files(spool)) == 1


@pytest.mark.parametrize(("status", "ending"), [(401, ".json"), (429, ".json"), (500, ".json"), (404, ".json")])
def test_what_may_pass_is_kept(status: int, ending: str, receiver: Receiver, spool: Path) -> None:
    receiver.answer(status)
    fail()
    assert len(waiting_files(spool, ending)) == 1


def test_a_wrong_token_is_kept_and_goes_once_it_is_right(receiver: Receiver, spool: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("WINDSOCK_TOKEN", "wrong")
    fail("first")
    assert len(waiting_files(spool)) == 1
    monkeypatch.setenv("WINDSOCK_TOKEN", "right")
    fail("second")
    assert [signal["task_id"] for signal in receiver.signals] == ["second", "first"]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_the_bot_will_never_take_is_set_aside(status: int, receiver: Receiver, spool: Path, caplog: Any) -> None:
    receiver.answer(status)
    fail()
    assert len(waiting_files(spool, ".refused")) == 1
    assert waiting_files(spool) == []
    assert "no, because of the test" in caplog.text


def a_signal(task_id: str, **more: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "kind": "task_failed",
        "deployment": "test",
        "dag_id": "d",
        "run_id": "r",
        "task_id": task_id,
        **more,
    }


def test_one_bad_signal_in_a_batch_costs_no_other(receiver: Receiver, spool: Path) -> None:
    receiver.refuses = "bad"
    for name in ("one", "bad", "two"):
        plugin.Spool(str(spool)).keep(a_signal(name))
    assert plugin._drain(config(), 5.0)
    assert sorted(signal["task_id"] for signal in receiver.signals) == ["one", "two"]
    assert len(waiting_files(spool, ".refused")) == 1
    assert waiting_files(spool) == []


def config() -> plugin.Config:
    made = plugin._config()
    assert made is not None
    return made


def test_a_file_cut_in_half_is_set_aside_and_the_rest_goes_on(receiver: Receiver, spool: Path, caplog: Any) -> None:
    for name in ("one", "two", "three"):
        plugin.Spool(str(spool)).keep(a_signal(name))
    cut = waiting_files(spool)[1]
    cut.write_bytes(cut.read_bytes()[:20])
    (spool / "0000000000001-list.json").write_text("[1]")
    assert plugin._drain(config(), 5.0)
    assert len(receiver.signals) == 2
    assert len(waiting_files(spool, ".bad")) == 2
    assert waiting_files(spool) == []
    assert "cannot read" in caplog.text


def test_a_draft_and_a_claim_of_a_dead_process_are_taken_up(receiver: Receiver, spool: Path) -> None:
    spool.mkdir()
    old = time.time() - 2 * plugin.CLAIM_SECONDS
    whole, half = spool / "1-a.json.dead.1.tmp", spool / "2-b.json.dead.1.tmp"
    claimed, fresh = spool / "3-c.json.dead.claim", spool / "4-d.json.alive.claim"
    for path in (whole, half, claimed, fresh):
        path.write_text(json.dumps(a_signal(path.name)))
    half.write_text('{"v": 1, "ki')
    for path in (whole, half, claimed):
        os.utime(path, (old, old))
    assert plugin._drain(config(), 5.0)
    assert [signal["task_id"] for signal in receiver.signals] == [whole.name, claimed.name]
    assert fresh.exists()
    assert len(waiting_files(spool, ".bad")) == 1


@pytest.mark.parametrize("url", ["http://[bot:8080", "http://bot:eighty", "http://bot:99999", "http://", "bot"])
def test_an_address_that_is_none_loses_nothing(
    url: str, receiver: Receiver, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = os.environ["WINDSOCK_URL"]
    monkeypatch.setenv("WINDSOCK_URL", url)
    fail("first")
    assert len(waiting_files(spool)) == 1
    monkeypatch.setenv("WINDSOCK_URL", right)
    fail("second")
    assert [signal["task_id"] for signal in receiver.signals] == ["second", "first"]


def test_files_set_aside_take_no_room_from_what_waits(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "SPOOL_FILES", 3)
    spool.mkdir(mode=0o700)
    for number in range(5):
        (spool / f"{number}.refused").write_text("{}")
        (spool / f"{number}.bad").write_text("{}")
    assert [plugin.Spool(str(spool)).keep(a_signal(str(number))) for number in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("ending", [".refused", ".bad"])
def test_no_more_than_a_hundred_files_are_set_aside(
    ending: str, receiver: Receiver, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "SET_ASIDE_FILES", 3)
    spool.mkdir(mode=0o700)
    for number in range(6):
        (spool / f"{number}.json").write_text(json.dumps(a_signal(str(number))) if ending == ".refused" else "{")
    receiver.answer(422)
    plugin._drain(config(), 5.0)
    assert (len(waiting_files(spool, ending)), waiting_files(spool)) == (3, [])


def test_a_full_spool_keeps_the_oldest_and_says_so_once(spool: Path, monkeypatch: Any, caplog: Any) -> None:
    monkeypatch.setattr(plugin, "SPOOL_FILES", 3)
    kept = [plugin.Spool(str(spool)).keep(a_signal(str(number))) for number in range(5)]
    assert kept == [True, True, True, False, False]
    assert [json.loads(path.read_text())["task_id"] for path in waiting_files(spool)] == ["0", "1", "2"]
    assert caplog.text.count("is full") == 1


def test_a_spool_is_bounded_in_bytes(spool: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(plugin, "SPOOL_BYTES", 3000)
    kept = [plugin.Spool(str(spool)).keep(a_signal(str(number), note="x" * 1000)) for number in range(5)]
    assert kept.count(True) == 3


def test_a_spool_that_cannot_be_written_is_said_and_nothing_is_raised(
    dead_port: str, tmp_path: Path, monkeypatch: Any, caplog: Any
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WINDSOCK_URL", dead_port)
    monkeypatch.setenv("WINDSOCK_SPOOL", str(tmp_path / "file" / "spool"))
    fail()
    assert "lost a signal (task_failed sales_daily" in caplog.text


DRAIN = """
import sys
sys.path.insert(0, {root!r})
from bot.plugin import windsock_airflow as plugin
sys.stdin.readline()
print(plugin._drain(plugin._config(), 20.0, 7))
"""


def test_two_processes_send_each_signal_exactly_once(receiver: Receiver, spool: Path) -> None:
    for number in range(120):
        plugin.Spool(str(spool)).keep(a_signal(str(number)))
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-c", DRAIN.format(root=root)]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = []
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in both:
        answers.append(process.communicate(timeout=60)[0].strip())
    assert answers == ["True", "True"]
    assert sorted(int(signal["task_id"]) for signal in receiver.signals) == list(range(120))
    assert waiting_files(spool) == waiting_files(spool, ".claim") == []


class SchedulerJob:
    """What a long-lived process says of itself when it starts."""


class TaskCommandMarker:
    """What a process that looks after one task says."""


def test_a_scheduler_hands_over_and_batches(receiver: Receiver) -> None:
    LISTENER.on_starting(SchedulerJob())
    for number in range(250):
        fail(str(number))
    told = receiver.wait_for(250)
    assert [int(signal["task_id"]) for signal in told] == list(range(250))
    assert max(len(body.get("signals", [body])) for body in receiver.bodies) <= plugin.BATCH_LIMIT
    assert len(receiver.bodies) < 100


def test_a_scheduler_never_waits_for_a_dripping_bot(receiver: Receiver, spool: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(plugin, "LONG_LIVED_SECONDS", 0.5)
    receiver.answer(0)
    LISTENER.on_starting(SchedulerJob())
    for number in range(20):
        fail(str(number))
        assert plugin._process.left == plugin.ONE_TASK_SECONDS, "the scheduler's own thread waited"
    wait_until(lambda: len(waiting_files(spool)) == 20, "not all were kept")


def test_a_full_queue_makes_no_scheduler_wait_for_a_disk_and_what_is_lost_is_said(
    receiver: Receiver, spool: Path, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(plugin, "QUEUE_LIMIT", 5)
    monkeypatch.setattr(plugin._Courier, "wake", lambda _self: None)
    LISTENER.on_starting(SchedulerJob())
    for number in range(8):
        fail(str(number))
    assert waiting_files(spool) == []
    plugin._courier()._turn()
    assert "Windsock lost 3 signals" in caplog.text
    assert len(receiver.signals) == 5


def test_a_crowded_queue_is_put_on_disk_by_the_thread(receiver: Receiver, spool: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(plugin, "QUEUE_LIMIT", 20)
    monkeypatch.setattr(plugin, "BATCH_LIMIT", 4)
    monkeypatch.setattr(plugin._Courier, "wake", lambda _self: None)
    LISTENER.on_starting(SchedulerJob())
    for number in range(20):
        fail(str(number))
    assert waiting_files(spool) == []
    plugin._courier()._turn()
    assert len(receiver.signals) >= 4, "what was put on disk is sent in the same turn"


def test_a_scheduler_that_ends_puts_its_queue_on_disk(spool: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(plugin._Courier, "wake", lambda _self: None)
    monkeypatch.setattr(plugin, "ONE_TASK_SECONDS", 0.1)
    plugin._forget()
    LISTENER.on_starting(SchedulerJob())
    for number in range(4):
        fail(str(number))
    LISTENER.before_stopping(SchedulerJob())
    assert len(waiting_files(spool)) == 4


def test_a_scheduler_sends_the_spool_when_the_bot_is_back(receiver: Receiver, monkeypatch: Any) -> None:
    monkeypatch.setattr(plugin, "DOWN_SECONDS", 0.1)
    monkeypatch.setattr(plugin, "IDLE_SECONDS", 0.05)
    LISTENER.on_starting(SchedulerJob())
    receiver.answer(503)
    LISTENER.on_dag_run_failed(run(run_id="kept"), "")
    wait_until(lambda: plugin._courier().down_until > 0, "the courier did not notice")
    receiver.answer(202)
    assert [signal["run_id"] for signal in receiver.wait_for(1)] == ["kept"]


def test_the_couriers_thread_ends_when_there_is_nothing_to_do(receiver: Receiver, monkeypatch: Any) -> None:
    monkeypatch.setattr(plugin, "IDLE_SECONDS", 0.05)
    LISTENER.on_starting(SchedulerJob())
    for name in ("one", "two"):
        fail(name)
        wait_until(lambda: plugin._courier().thread is None, "the thread stayed")
    assert len(receiver.signals) == 2


def test_a_task_forked_from_the_scheduler_delivers_by_itself(receiver: Receiver) -> None:
    LISTENER.on_starting(SchedulerJob())
    fail("in-the-scheduler")
    receiver.wait_for(1)
    child = os.fork()
    if child == 0:  # Airflow 2's LocalExecutor: a fork, then os._exit
        try:
            LISTENER.on_starting(TaskCommandMarker())
            LISTENER.on_starting(SchedulerJob())  # the job that looks after the task
            fail("in-the-task")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert [signal["task_id"] for signal in receiver.signals] == ["in-the-scheduler", "in-the-task"]
    fail("in-the-scheduler-again")
    receiver.wait_for(3)


def test_run_hooks_are_handed_over_even_in_an_unknown_process(receiver: Receiver) -> None:
    LISTENER.on_dag_run_failed(run(), "Dag Run's state was manually set to `failed`.")
    assert plugin._process.courier is not None
    assert receiver.wait_for(1)[0]["kind"] == "run_failed"
