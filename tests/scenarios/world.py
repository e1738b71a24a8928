"""What a real Airflow says of itself before and after a verb: everything that a verb could change.

Hard case: a machine so busy that Airflow does not answer within the time that a person waits; they are told so, and ask again.
Rule: what a preview listed is compared with all of Airflow, not with what it was about: nothing else may have changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import sqlalchemy as sa

from tests.scenarios.house import AIRFLOW_PATIENCE, House, asked, confirm
from tests.scenarios.seen import Message
from tests.scenarios.waiting import eventually

ENDED = {"success", "failed"}
_ROW = re.compile(r"^[!+± ] (?P<name>\S.*?)\s{3,}(?P<before>\S.*?)\s{3,}→ (?P<after>.+)$")
_MAPPED = re.compile(r"(?P<task>.+)\[(?P<indexes>[\d., ]+)\]")


@dataclass(frozen=True)
class World:
    """`tasks` are `{"dag@run.load[2]": ("failed", 1)}`, `runs` `{"dag@run": "failed"}`, the others by name."""

    tasks: dict[str, tuple[str | None, int]]
    runs: dict[str, str]
    paused: dict[str, bool]
    variables: dict[str, str]


def world(house: House) -> World:
    """All of it, now; from the metastore, where it is exact and costs Airflow nothing."""
    is_there = "not is_stale" if house.airflow.major == 3 else "is_active"
    tasks, runs, dags, variables = asked_of(
        house,
        "select dag_id, run_id as dag_run_id, task_id, map_index, state, try_number from task_instance",
        "select dag_id, run_id, state from dag_run",
        f"select dag_id, is_paused from dag where {is_there}",
        "select key, val from variable",
    )
    return World(
        {
            f"{one['dag_id']}@{one['dag_run_id']}.{label(one)}": (one["state"], int(one["try_number"] or 0))
            for one in tasks
        },
        {f"{one['dag_id']}@{one['run_id']}": str(one["state"]) for one in runs},
        {one["dag_id"]: bool(one["is_paused"]) for one in dags},
        {one["key"]: str(one["val"]) for one in variables},
    )


def label(one: dict[str, Any]) -> str:
    return str(one["task_id"]) + (f"[{one['map_index']}]" if one["map_index"] >= 0 else "")


def every(house: House, path: str, key: str) -> list[dict[str, Any]]:
    """All pages of a list of Airflow's."""
    found: list[dict[str, Any]] = []
    while True:
        page = house.airflow.rest.call("GET", path, params={"limit": 100, "offset": len(found)})[key]
        found += page
        if len(page) < 100:
            return found


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The names of what came, went or is another now."""
    return {name for name in before.keys() | after.keys() if before.get(name, "?") != after.get(name, "?")}


def answered(house: House, line: str, *words: str, user: str = "ana") -> Message:
    """What a line that somebody types is answered with; asked again while Airflow is too busy to answer."""

    def ask() -> Message | None:
        answer = house.room.say(f"/airflow {line}", user=user)
        said = Message(answer.eyes, eventually(answer.fresh, lambda: (line, answer.outcome))[-1]["ts"])
        return None if "did not answer" in said.words else said

    said = eventually(ask, lambda: f"no answer to {line}", 60)
    assert said is not None
    return said.expect_edit(*words)


def previewed(house: House, line: str, *words: str) -> tuple[Message, World]:
    """The preview of a line, and Airflow as it is; the preview must not have changed anything of it."""
    before = world(house)
    preview = asked(lambda: house.room.say(f"/airflow {line}"), *words)
    preview.expect_edit("Nothing has been changed yet")
    assert world(house) == before, f"the preview of {line} wrote to Airflow"
    return preview, before


def rows(preview: Message) -> dict[str, tuple[str, str]]:
    """`{"run.load[2]": ("failed", "runs again")}`: every line of a list, mapped ones one by one, each with its run."""
    found: dict[str, tuple[str, str]] = {}
    run = ""
    for line in preview.words.split("\n"):
        row = _ROW.match(line)
        if row:
            for name in _names(row["name"]):
                found[f"{run}.{name}" if run else name] = (row["before"], row["after"])
        elif "__" in line and " " not in line:
            run = line
    return found


def _names(name: str) -> Iterable[str]:
    mapped = _MAPPED.fullmatch(name)
    if not mapped:
        return [name]
    pieces = [piece.strip().split("..") for piece in mapped["indexes"].split(",")]
    return [f"{mapped['task']}[{n}]" for piece in pieces for n in range(int(piece[0]), int(piece[-1]) + 1)]


def carried_out(house: House, line: str, dag: str, wanted: Iterable[str], *words: str) -> World:
    """Types it, checks the list (`run.task`), confirms, and waits until Airflow is done: then exactly that list is another."""
    preview, before = previewed(house, line, *words)
    names = {f"{dag}@{name}" for name in rows(preview)}
    assert names == {f"{dag}@{name}" for name in wanted}, preview.words
    confirm(preview)

    def is_done() -> bool:
        now = world(house)
        mine = {state for name, state in now.runs.items() if name.startswith(f"{dag}@")}
        return changed(before.tasks, now.tasks) == names and mine <= ENDED

    eventually(is_done, lambda: (preview.words, _difference(before, world(house)), house.room.all_words()[-2:]),
               AIRFLOW_PATIENCE)  # fmt: skip
    after = world(house)
    assert changed(before.tasks, after.tasks) == names
    assert changed(before.runs, after.runs) <= {name.split(".", 1)[0] for name in names}
    assert (after.paused, after.variables) == (before.paused, before.variables)
    return after


def _difference(before: World, after: World) -> dict[str, Any]:
    return {name: (before.tasks.get(name), after.tasks.get(name)) for name in changed(before.tasks, after.tasks)}


def until(look: Callable[[], object], house: House) -> None:
    """Waits until Airflow says so."""
    eventually(look, lambda: house.room.all_words()[-3:], AIRFLOW_PATIENCE)


def dated(house: House, dag: str, *days: str) -> list[str]:
    """One run for each of these days, ended; their ids."""
    house.airflow.rest.set_paused(dag, False)
    runs = [f"manual__{dag}_{day}" for day in days]
    for run, day in zip(runs, days, strict=True):
        body = {"dag_run_id": run, "logical_date": f"{day}T05:00:00Z", "conf": {}}
        house.airflow.rest.call("POST", f"dags/{dag}/dagRuns", json=body)
    for run in runs:
        house.airflow.rest.wait_for_end(dag, run, AIRFLOW_PATIENCE)
    return runs


def forget(house: House, dag: str, runs: Iterable[str]) -> None:
    """Takes runs away again."""
    for run in runs:
        with suppress(httpx.HTTPStatusError):
            house.airflow.rest.call("DELETE", f"dags/{dag}/dagRuns/{quote(run, safe='')}")


def metastore(house: House, sql: str, **values: Any) -> list[dict[str, Any]]:
    """Asks or changes Airflow's own database."""
    return asked_of(house, sql, **values)[0]


def asked_of(house: House, *questions: str, **values: Any) -> list[list[dict[str, Any]]]:
    """Several in one transaction."""
    engine = sa.create_engine(house.airflow.metastore_url, poolclass=sa.NullPool)
    with engine.begin() as t:
        done = [t.execute(sa.text(sql), values) for sql in questions]
        return [[dict(row) for row in one.mappings()] if one.returns_rows else [] for one in done]
