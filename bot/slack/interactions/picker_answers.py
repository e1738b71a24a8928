"""Reads the choices from a picker's submission, and runs the command.

A submission can overtake a pick: only a run block that is named after the chosen DAG counts; without one the command
means the same as when typed with the DAG alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.core.airflow.protocol import Run, Scope, TaskRef
from bot.core.errors import Refused
from bot.responder.actions import clear, dags, mark
from bot.responder.lookups.suggestions import Catalog
from bot.slack.commands import clear_mark
from bot.slack.commands.grammar import Command
from bot.slack.commands.registry import find
from bot.slack.commands.request import Ask, refused
from bot.slack.dialogs import picker_form, picker_options, trigger_form
from bot.slack.dialogs.picker_form import Chosen
from bot.slack.dialogs.picker_options import EVERY, NOTHING
from bot.slack.interactions.press import spoken
from bot.slack.text.block_kit import Message

_INDEXED = re.compile(r"(?P<task>.+)\[(?P<index>\d+)\]")
Values = Mapping[str, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Wrong:
    """Errors by block id."""

    errors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Given:
    """All choices. `task` is `load` or `load[7]`, empty for the whole run; `words` are options."""

    chosen: Chosen
    task: str = ""
    words: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)
    conf: Mapping[str, Any] = field(default_factory=dict)

    @property
    def map_index(self) -> int | None:
        found = _INDEXED.fullmatch(self.task)
        return int(found["index"]) if found else None

    @property
    def task_id(self) -> str:
        found = _INDEXED.fullmatch(self.task)
        return found["task"] if found else self.task


def read(catalog: Catalog, chosen: Chosen, values: Values, dag_of: Callable[[str], tuple[str, str]]) -> Given | Wrong:
    """Reads a submission's values. `dag_of` resolves the value of the DAG's option to (deployment, DAG)."""
    texts = {block: _text(entry) for block, entries in values.items() for entry in entries.values()}
    if texts.get("dag", "") in {"", NOTHING}:
        return Wrong({"dag": "Choose a DAG."})
    deployment, dag_id = dag_of(texts["dag"])
    if not dag_id:
        return Wrong({"dag": "That DAG is not there any more; choose another one."})
    chosen = replace(chosen, deployment=deployment, dag=dag_id, run="")
    words = frozenset(row["value"] for name in ("reach", "failed") for entry in values.get(name, {}).values()
                      for row in entry.get("selected_options") or ())  # fmt: skip
    asks = picker_form.ASKS[chosen.verb]
    given = Given(chosen, words=words, texts=texts)
    if "params" in asks:
        return _with_conf(catalog, given, values)
    if "dates" in asks and texts.get("from", "") > texts.get("to", ""):
        return Wrong({"to": "This is before the first date."})
    return _with_run(catalog, given) if "run" in asks else given


def _with_run(catalog: Catalog, given: Given) -> Given | Wrong:
    chosen = given.chosen
    offered = catalog.runs(chosen.deployment, chosen.dag)
    value = given.texts.get(chosen.run_block, "")
    if value == NOTHING or (not value and offered.trouble):
        return Wrong({chosen.run_block if value else "dag": f"{offered.trouble or 'Choose a run.'}"[:200]})
    run_id = picker_options.decoded(value, (run.run_id for run in offered.items)) if value else _newest(offered.items)
    if not run_id:
        return Wrong({"dag": f"{chosen.dag} has no run yet."[:200]})
    chosen = replace(chosen, run=run_id)
    return (
        _with_task(catalog, replace(given, chosen=chosen))
        if "task" in picker_form.ASKS[chosen.verb]
        else replace(given, chosen=chosen)
    )


def _newest(runs: tuple[Run, ...]) -> str:
    return runs[0].run_id if runs else ""


def _with_task(catalog: Catalog, given: Given) -> Given | Wrong:
    chosen = given.chosen
    value = given.texts.get(chosen.task_block, "")
    if value.startswith("~"):
        offered = catalog.tasks(chosen.deployment, chosen.dag, chosen.run)
        value = picker_options.decoded(value, (offer.label for offer in offered.items))
    if value == NOTHING or (not value and chosen.verb != "clear"):
        there = chosen.task_block if chosen.task_block in given.texts else "dag"
        return Wrong({there: "Choose a task, too."})
    return replace(given, task="" if value == EVERY else value)


def _with_conf(catalog: Catalog, given: Given, values: Values) -> Given | Wrong:
    chosen = given.chosen
    dag = catalog.dag(chosen.deployment, chosen.dag)
    if isinstance(dag, Refused):
        return Wrong({"dag": dag.reason[:200]})
    entries = {block: entry for block, inner in values.items() for entry in inner.values()}
    conf, wrong = trigger_form.read(dag, picker_options.digest(chosen.deployment, chosen.dag), entries)
    return Wrong(wrong) if wrong else replace(given, conf=conf)


def _text(entry: Mapping[str, Any]) -> str:
    chosen = entry.get("selected_option") or {}
    return str(entry.get("value") or entry.get("selected_date") or chosen.get("value") or "")


def answer_to(ask: Ask, given: Given) -> Message:
    """The preview of the chosen change, or the requested information."""
    verb = given.chosen.verb
    ways: Mapping[str, Callable[[Ask, Given], Message]] = {
        "clear": _clear, "mark": _mark, "pause": _pause, "unpause": _pause, "trigger": _trigger,
    }  # fmt: skip
    return spoken(lambda: ways.get(verb, _typed)(ask, given))


def _clear(ask: Ask, given: Given) -> Message:
    c = given.chosen
    tasks = ((given.task_id, given.map_index),) if given.task else ()
    scope = Scope(c.dag, c.run, tasks, only_failed="failed" in given.words, downstream="downstream" in given.words,
                  upstream="upstream" in given.words)  # fmt: skip
    return clear_mark.preview(
        ask, clear.plan_clear(ask.services, ask.person, c.deployment, (scope,), c.channel), "clear"
    )


def _mark(ask: Ask, given: Given) -> Message:
    c = given.chosen
    index = -1 if given.map_index is None else given.map_index
    refs = [TaskRef(c.dag, c.run, given.task_id, index)]
    planned = mark.plan_mark(ask.services, ask.person, c.deployment, refs, given.texts.get("state", "success"), c.channel,
                              None, given.texts.get("reason", ""))  # fmt: skip
    return clear_mark.preview(ask, planned, "mark")


def _pause(ask: Ask, given: Given) -> Message:
    c = given.chosen
    planned = dags.plan_pause(ask.services, ask.person, c.deployment, [c.dag], c.verb == "pause", c.channel, None,
                               given.texts.get("reason", ""))  # fmt: skip
    return clear_mark.preview(ask, planned, c.verb)


def _trigger(ask: Ask, given: Given) -> Message:
    c = given.chosen
    planned = dags.plan_trigger(ask.services, ask.person, c.deployment, c.dag, given.conf, c.channel)
    return clear_mark.preview(ask, planned, "trigger")


def _typed(ask: Ask, given: Given) -> Message:
    """Runs the command as if it had been typed: for verbs that only read, and for those that take a DAG and plain
    words."""
    c = given.chosen
    task, run = f".{given.task}" if given.task else "", f"@{c.run}" if c.run else ""
    dates = ["from", given.texts["from"], "to", given.texts["to"]] if "from" in given.texts else []
    state = given.texts.get("run-state", "any")
    words = [f"{c.deployment}:{c.dag}{task}{run}", *dates, *(["failed"] if "failed" in given.words else []),
             *([state] if state != "any" else []), *([given.texts["lines"]] if "lines" in given.texts else [])]  # fmt: skip
    verb = find(c.verb)
    if verb is None:
        return refused(ask, Refused(f"There is no verb `{c.verb}` any more."), c.verb)
    return verb.run(replace(ask, command=Command(c.verb, tuple(words), f"{c.verb} {' '.join(words)}")))
