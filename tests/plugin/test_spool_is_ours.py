"""The spool is ours alone, or it is not used: no link is followed, no pipe waited for, no planted file sent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bot.plugin import windsock_airflow as plugin
from tests.plugin.conftest import ClassicTask, waiting_files
from tests.plugin.receiver import Receiver

LISTENER = plugin.WindsockListener()


def fail(task_id: str = "load") -> None:
    plugin._forget()
    LISTENER.on_task_instance_failed("running", ClassicTask(task_id=task_id), "dead")


def planted() -> str:
    return json.dumps({"v": 1, "kind": "run_failed", "deployment": "prod", "dag_id": "planted", "run_id": "r"})


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702])
def test_a_folder_that_others_may_write_to_is_not_used(
    receiver: Receiver, spool: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    spool.mkdir()
    (spool / "0000000000000001-planted.json").write_text(planted())
    spool.chmod(mode)
    fail("one")
    assert [one["task_id"] for one in receiver.signals] == ["one"], "what can be delivered at once still is"
    receiver.answer(503)
    fail("two")
    assert len(waiting_files(spool)) == 1, "nothing is written there"
    assert "others may write to it" in caplog.text
    assert "0700" in caplog.text


def test_a_folder_of_another_user_is_not_used(receiver: Receiver, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool.mkdir(mode=0o755)
    (spool / "0000000000000001-planted.json").write_text(planted())
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    fail("one")
    assert [one.get("dag_id") for one in receiver.signals] == ["sales_daily"]


def test_a_pipe_hangs_no_task_and_a_link_is_not_followed(receiver: Receiver, spool: Path, tmp_path: Path) -> None:
    spool.mkdir(mode=0o700)
    os.mkfifo(spool / "0000000000000001-pipe.json")
    (tmp_path / "elsewhere").write_text(planted())
    (spool / "0000000000000002-link.json").symlink_to(tmp_path / "elsewhere")
    (spool / "0000000000000003-folder.json").mkdir()
    receiver.answer(503)
    fail("kept")
    receiver.answer(202)
    plugin._quietly(os.unlink, str(spool / ".down"))
    fail("load")
    assert {one["task_id"] for one in receiver.wait_for(2)} == {"kept", "load"}
    assert len(waiting_files(spool, ".bad")) == 3


@pytest.mark.parametrize("name", [".down", ".told"])
def test_a_mark_that_is_a_link_touches_nothing(
    receiver: Receiver, spool: Path, tmp_path: Path, name: str, monkeypatch: Any
) -> None:
    spool.mkdir(mode=0o700)
    target = tmp_path / "target"
    monkeypatch.setattr(plugin, "_identity", lambda _: "same")
    (spool / (".told-same" if name == ".told" else name)).symlink_to(target)
    LISTENER.on_new_dag_import_error("/dags/x.py", "SyntaxError: no")
    receiver.answer(503)
    fail()
    plugin.Spool(str(spool)).give_back([])
    assert not target.exists()


def test_a_token_over_plain_http_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WINDSOCK_URL", "http://windsock.example.com")
    for _ in range(3):
        plugin._config()
    assert caplog.text.count("https://") == 1
    caplog.clear()
    plugin._forget()
    for url in ("https://windsock.example.com", "http://127.0.0.1:8090", "http://localhost:8090", "http://[::1]:8090"):
        monkeypatch.setenv("WINDSOCK_URL", url)
        plugin._config()
    assert caplog.text == ""
