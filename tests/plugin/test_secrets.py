"""No secret leaves Airflow: neither on the wire nor to the disk, also where a text is cut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.core.redaction import is_secret_name, redact
from bot.plugin import embed
from bot.plugin import windsock_airflow as plugin
from tests.core import corpus
from tests.plugin.conftest import ClassicTask, run
from tests.plugin.receiver import Receiver

LISTENER = plugin.WindsockListener()
MASKED, PLAIN = corpus.masked(), corpus.plain()


def test_the_plugin_has_the_bots_own_redaction() -> None:
    text = embed.PLUGIN.read_text()
    assert embed.embedded(text) == text, "run python -m bot.plugin.embed"


def test_it_hides_what_the_bot_hides_and_nothing_else() -> None:
    hide, is_secret = plugin._redaction()
    for text in [text for text, _ in MASKED] + PLAIN:
        assert hide(text) == redact(text)
    for name in ("password", "token_count", "dbPassword", "author"):
        assert is_secret(name) is is_secret_name(name)


@pytest.mark.parametrize("status", [202, 503, 422], ids=["wire", "spool", "refused"])
def test_no_secret_is_on_the_wire_or_on_disk(receiver: Receiver, spool: Path, status: int) -> None:
    receiver.answer(status)
    for number, (text, _) in enumerate(MASKED):
        plugin._forget()
        error = ValueError(text)
        error.__cause__ = RuntimeError(text)
        LISTENER.on_task_instance_failed("running", ClassicTask(task_id=f"t{number}", owner=text), error)
    LISTENER.on_dag_run_failed(run(), MASKED[0][0])
    told = [json.dumps(one) for one in receiver.signals]
    if status != 202:
        told = [path.read_text() for path in spool.iterdir() if path.suffix in {".json", ".refused"}]
    assert len(told) >= 100
    everything = "".join(told)
    long = [secret for _, secret in MASKED if len(secret) > 4]  # a shorter one may stand there by chance
    assert [one for one in long if one in everything or json.dumps(one)[1:-1] in everything] == []


@pytest.mark.parametrize("length", [8_000, 16_000, 60_000, 500_000])
def test_no_half_of_a_secret_is_left_where_a_text_is_cut(receiver: Receiver, length: int) -> None:
    secret = "Zq" + "7kD4" * 40
    for number, before in enumerate(range(5_700, 6_100, 20)):
        plugin._forget()
        text = "x" * before + f" password={secret} " + "y" * max(0, length - before)
        LISTENER.on_task_instance_failed("running", ClassicTask(task_id=f"t{number}"), ValueError(text))
        LISTENER.on_new_dag_import_error(f"/dags/{number}.py", f"Traceback\n{text}\nValueError: {text}")
    shown = json.dumps(receiver.signals)
    assert "7kD4" not in shown
    assert "•••" in json.dumps(receiver.signals, ensure_ascii=False)


def test_a_fact_with_a_secrets_name_has_no_value(receiver: Receiver) -> None:
    plugin.deadline_missed_sync({"dag_run": {"dag_id": "d", "run_id": "r"}}, password="letmein", name="orders in time")
    (told,) = receiver.wait_for(1)
    assert told["alert"] == {"password": "•••", "name": "orders in time"}
