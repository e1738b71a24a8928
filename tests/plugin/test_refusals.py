"""What is refused costs no other signal: a firewall that dislikes one traceback, an address that is wrong, a token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.plugin import windsock_airflow as plugin
from tests.plugin.conftest import ClassicTask, waiting_files
from tests.plugin.receiver import Receiver

LISTENER = plugin.WindsockListener()
POISON = "UNION SELECT"


def keep(receiver: Receiver, *messages: str) -> None:
    """So many signals in the spool, one for each message, the first one oldest."""
    receiver.answer(503)
    for number, message in enumerate(messages):
        plugin._forget()
        LISTENER.on_task_instance_failed("running", ClassicTask(task_id=f"t{number}"), ValueError(message))
    receiver.answer(202)
    plugin._forget()


def drain(spool: Path) -> bool:
    config = plugin._config()
    assert config is not None
    plugin._quietly(Path.unlink, spool / ".down")
    return plugin._drain(config, 20.0)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 406, 413, 415, 418, 422, 451])
@pytest.mark.parametrize("place", [0, 7, 39])
def test_a_firewall_that_dislikes_one_traceback_costs_no_other(
    receiver: Receiver, spool: Path, status: int, place: int
) -> None:
    keep(receiver, *(POISON if number == place else "row is bad" for number in range(40)))
    receiver.refuses, receiver.refuses_with = POISON, status
    drain(spool)
    drain(spool)
    assert {one["task_id"] for one in receiver.signals} == {f"t{number}" for number in range(40)} - {f"t{place}"}
    left = [path.read_text() for path in spool.iterdir() if path.suffix in {".json", ".refused"}]
    assert len(left) == 1, "and it is not lost either"
    assert POISON in left[0]


def test_many_that_are_disliked_go_behind_the_others(receiver: Receiver, spool: Path) -> None:
    keep(receiver, *(POISON if number < 20 else "row is bad" for number in range(30)))
    receiver.refuses, receiver.refuses_with = POISON, 403
    for _ in range(4):
        drain(spool)
    assert {one["task_id"] for one in receiver.signals} == {f"t{number}" for number in range(20, 30)}


def test_what_is_refused_twice_while_others_are_taken_is_set_aside(
    receiver: Receiver, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep(receiver, POISON, "row is bad")
    receiver.refuses, receiver.refuses_with = POISON, 403
    drain(spool)
    assert len(waiting_files(spool)) == 1
    keep(receiver, "row is bad again")
    drain(spool)
    assert waiting_files(spool) == []
    assert len(waiting_files(spool, ".refused")) == 1
    assert "set a signal aside" in caplog.text


@pytest.mark.parametrize("status", [401, 403, 404, 407, 429, 503])
def test_an_answer_about_a_setting_loses_nothing_however_often_it_comes(
    receiver: Receiver, spool: Path, status: int
) -> None:
    keep(receiver, *("row is bad" for _ in range(30)))
    receiver.answer(status)
    before = len(receiver.answered)
    for _ in range(5):
        assert not drain(spool)
    assert len(waiting_files(spool)) == 30
    assert len(receiver.answered) - before <= 5 * (1 + plugin.ODD_IN_A_ROW), "and nobody is flooded with it"
    receiver.answer(202)
    assert drain(spool)
    assert len(receiver.wait_for(30)) == 30


def test_a_scheduler_keeps_what_is_refused_while_others_are_taken(receiver: Receiver, spool: Path) -> None:
    config: Any = plugin._config()
    receiver.refuses, receiver.refuses_with = POISON, 403
    batch = [plugin._signal("run_failed", "listener", "test", dag_id="d", run_id=f"r{n}",
                            reason=POISON if n == 1 else "x") for n in range(4)]  # fmt: skip
    for one in batch:
        plugin._courier().queue.put((config, one))
    plugin._courier()._turn()
    assert {one["run_id"] for one in receiver.wait_for(3)} == {"r0", "r2", "r3"}
    assert [POISON in path.read_text() for path in spool.iterdir() if path.suffix in {".json", ".refused"}] == [True]


def test_a_redirect_is_not_followed(receiver: Receiver, spool: Path) -> None:
    receiver.answer(307)
    LISTENER.on_task_instance_failed("running", ClassicTask(), "dead")
    assert (receiver.answered, len(waiting_files(spool))) == ([307], 1)


def test_a_lone_refused_signal_is_set_aside_once_others_are_taken(
    receiver: Receiver, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep(receiver, POISON)
    receiver.refuses, receiver.refuses_with = POISON, 403
    caplog.clear()
    for number in range(3):
        plugin._forget()
        (spool / ".down").unlink(missing_ok=True)
        LISTENER.on_task_instance_failed("running", ClassicTask(task_id=f"good{number}"), ValueError("row is bad"))
    assert len(receiver.wait_for(3)) == 3
    assert (waiting_files(spool), len(waiting_files(spool, ".refused"))) == ([], 1)
    assert "is not reached" not in caplog.text


def test_a_scheduler_sets_it_aside_as_well(receiver: Receiver, spool: Path) -> None:
    keep(receiver, POISON)
    receiver.refuses, receiver.refuses_with = POISON, 403
    config: Any = plugin._config()
    for number in range(3):
        (spool / ".down").unlink(missing_ok=True)
        plugin._courier().down_until = 0.0
        plugin._courier().queue.put(
            (config, plugin._signal("run_failed", "x", "test", dag_id="d", run_id=f"r{number}"))
        )
        plugin._courier()._turn()
    assert (waiting_files(spool), len(waiting_files(spool, ".refused"))) == ([], 1)
