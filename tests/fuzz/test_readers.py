"""Whatever is read: the command grammar, front matter, the signal decoder, Airflow's answers and logs. Each says what is wrong in
its own words, and nothing else is raised."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.airflow.gateway import Gateway, GatewayConfig, connect
from bot.config import runbooks
from bot.core.airflow.protocol import Scope, TaskRef
from bot.core.dates import duration
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.signals.signature import sign
from bot.core.signals.wire import BadSignal, as_json, parse, parse_stored
from bot.slack.commands import grammar, links
from tests.airflow.scripted import Asked, Says, ScriptedAirflow, scripted_airflow
from tests.fuzz.test_doors import JSON, SIGNAL, TEXT, WORDS, like

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
REF = TaskRef("sales", "r1", "load")
ROW = {"dag_id": "sales", "dag_run_id": "r1", "task_id": "load", "map_index": 0, "state": "failed", "try_number": 1, "start_date": "x",
       "end_date": None, "logical_date": "2026-11-22T05:00:00Z", "key": "k", "value": "v", "name": "n", "slots": 1, "is_paused": True,
       "tags": [{"name": "t"}], "scheduler": {"status": "healthy"}, "content": [{"event": "e"}], "conf": {}, "connection_id": "c"}  # fmt: skip
LISTS = (
    "task_instances",
    "dag_runs",
    "dags",
    "tasks",
    "variables",
    "connections",
    "pools",
    "import_errors",
    "jobs",
    "backfills",
)


@given(words=st.lists(WORDS, max_size=8))
def test_any_line_is_a_command_or_a_fault(words: list[str]) -> None:
    line = " ".join(words)
    command = grammar.parse(line)
    assert command.verb == command.verb.lower() != ""
    assert command.after(len(words) + 99) == ""
    for word in line.split():
        assert isinstance(grammar.ref(word), links.Ref | Refused)
        lasts = duration(word)
        assert lasts is None or lasts >= timedelta(0)


@given(front=st.text(max_size=200) | JSON.map(json.dumps) | st.sampled_from([
    "a: &x [*x]", "match: {exception: [a]}\ntitle: 2026-99-99", "title: 2026-13-45", "!!python/object:os.system {}", "a: b: c", "? [a]",
    "title: !!binary x", "severity: 1e999", "[" * 3_000, "{" * 3_000, "a: " + "[" * 900]))  # fmt: skip
def test_any_front_matter_is_a_runbook_or_a_named_fault(tmp_path_factory: pytest.TempPathFactory, front: str) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "book.md"
    path.write_bytes(f"---\n{front}\n---\n# Body\n".encode("utf-8", "surrogatepass"))
    book, wrong = runbooks.read(path)
    assert book is not None or wrong


@given(value=like(SIGNAL) | st.dictionaries(st.text(max_size=12), JSON, max_size=5))
def test_any_object_is_a_signal_or_a_bad_one(value: dict[str, Any]) -> None:
    try:
        signal = parse(value, NOW)
    except BadSignal as error:
        assert error.field, error  # noqa: PT017
        return
    assert parse_stored(json.loads(json.dumps(as_json(signal))), NOW) == signal
    assert len(signal.identity) > 0


@given(kind=TEXT, message=TEXT, traceback=TEXT)
def test_any_exception_has_a_signature(kind: str, message: str, traceback: str) -> None:
    signed = sign(kind, message, traceback)
    assert len(signed.name) == 12
    assert sign(kind, message, traceback) == signed


class Odd(ScriptedAirflow):
    """Answers whatever is asked with what it is given."""

    body: Any = None
    status = 200
    version = "3.3.2"

    def answer(self, asked: Asked) -> Says:
        if asked.path.endswith("/version"):
            mine = "/api/v1" if self.version.startswith("2") else "/api/v2"
            return Says(body={"version": self.version}) if asked.path.startswith(mine) else Says(404, {"error": "no"})
        return Says(201, {"access_token": "jwt"}) if asked.path.endswith("/token") else Says(self.status, self.body)


@pytest.fixture(scope="module", params=["3.3.2", "2.11.2"])
def odd(request: pytest.FixtureRequest) -> Iterator[tuple[Odd, Gateway]]:
    server = Odd()
    server.version = request.param
    server.start()
    gateway = connect(GatewayConfig("prod", server.url, username="bot", password="x", timeout=0.3))
    gateway.health()
    yield server, gateway
    gateway.close()
    server.stop()


QUESTIONS: tuple[Callable[[Gateway], object], ...] = (
    lambda g: g.health(), lambda g: g.jobs(), lambda g: g.dags("s"), lambda g: g.dag("sales"), lambda g: g.task_ids("sales"),
    lambda g: g.task_tree("sales"), lambda g: g.runs("sales"), lambda g: g.run("sales", "r1"), lambda g: g.task_instances("sales", "r1"),
    lambda g: g.task_instance(REF), lambda g: g.failed_since(NOW), lambda g: g.failed_runs_since(NOW), lambda g: g.variable("k"),
    lambda g: g.variables("k"), lambda g: g.connection("c"), lambda g: g.connections(), lambda g: g.import_errors(), lambda g: g.pools(),
    lambda g: g.log(REF, 1), lambda g: g.clear(Scope("sales", "r1"), dry_run=True), lambda g: g.backfill_dates("sales", NOW, NOW, rerun="none"),
)  # fmt: skip


@given(number=st.integers(0, len(QUESTIONS) - 1), value=JSON | like(ROW) | st.builds(lambda name, rows: {name: rows, "total_entries": len(rows)},
       st.sampled_from(LISTS), st.lists(like(ROW) | JSON, max_size=3)), raw=st.none() | st.binary(max_size=60) | st.just(b"[" * 50_000))  # fmt: skip
def test_any_answer_of_airflows_is_read_or_named(
    odd: tuple[Odd, Gateway], number: int, value: Any, raw: bytes | None
) -> None:
    server, gateway = odd
    server.body = value if raw is None else raw
    try:
        QUESTIONS[number](gateway)
    except (Temporary, Permanent) as error:
        assert error.message  # noqa: PT017


@pytest.mark.parametrize("name", ["..", ".", "", " ", "a\0b", "x" * 2_000])
@pytest.mark.parametrize("version", ["3.3.2", "2.11.2"])
def test_no_name_makes_another_address(name: str, version: str) -> None:
    with scripted_airflow() as server:
        server.is_version(version)
        gateway = connect(GatewayConfig("prod", server.url, username="bot", password="x", timeout=5.0))
        for ask in (
            gateway.dag,
            gateway.task_ids,
            gateway.variable,
            gateway.connection,
            lambda one: gateway.run("sales", one),
        ):
            with pytest.raises((Permanent, Temporary)):
                ask(name)
        assert [
            one.path
            for one in server.asked
            if "dags" in one.path or "variables" in one.path or "connections" in one.path
        ] == []
        gateway.close()
