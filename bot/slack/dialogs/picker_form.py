"""The modal for a command without its arguments: pick a DAG, then one of its runs, then tasks.

Slack keeps an input's value as long as its block keeps its id, so a run's block is named after its DAG and a task's
after its run; picking another DAG resets both.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.core.airflow.protocol import Dag, Run
from bot.core.json_text import read_json
from bot.responder.lookups.suggestions import Offer, TaskOffer, likely
from bot.slack.dialogs import trigger_form
from bot.slack.dialogs.picker_options import dag_label, dag_value, digest, every_task, failed, run_option, task_option
from bot.slack.text.block_kit import Block, context, divider, modal, option, question, section, words
from bot.slack.text.words import cut_middle, foreign, plain

CALLBACK = "choose"
# verb → the questions after the DAG
ASKS: dict[str, tuple[str, ...]] = {
    "clear": ("run", "task", "reach"), "mark": ("run", "task", "state", "reason"), "pause": ("reason",), "unpause": (),
    "trigger": ("params",), "backfill": ("dates",), "runs": ("run-state",), "tasks": ("run",),
    "logs": ("run", "task", "lines"),
}  # fmt: skip
_FIRST = {
    "clear": "Runs task instances again.", "mark": "Sets a task instance's state without running it.",
    "pause": "Stops starting new runs of a DAG.", "unpause": "Starts runs of a DAG again.",
    "trigger": "Starts one new run.", "backfill": "Runs a DAG for every date of a span.",
    "runs": "Shows the newest runs of a DAG.", "tasks": "Shows the task instances of a run.",
    "logs": "Shows the last lines of a task's log.",
}  # fmt: skip
LOOKS = frozenset({"runs", "tasks", "logs"})
_LAST = "Nothing is changed yet: the next step shows exactly what would be."


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choices so far, and the channel of the command. They are stored in the view's private metadata."""

    verb: str
    channel: str = ""
    deployment: str = ""
    dag: str = ""
    run: str = ""
    state: str = ""

    def packed(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value}, ensure_ascii=False)

    @property
    def run_block(self) -> str:
        return f"run-{digest(self.deployment, self.dag)}"

    @property
    def task_block(self) -> str:
        return f"task-{digest(self.deployment, self.dag, self.run)}"


def unpacked(metadata: str) -> Chosen | None:
    """Reads private metadata; None if an older version wrote it, or it isn't valid."""
    try:
        read = read_json(metadata)
        return Chosen(**read)
    except (ValueError, TypeError):
        return None


def title(verb: str) -> str:
    return verb.capitalize()


def chooser(
    chosen: Chosen, now: datetime, *, runs: Offer[Run] | None = None, tasks: Offer[TaskOffer] | None = None,
    dag: Dag | None = None, trouble: str = "",
) -> Block:  # fmt: skip
    """The complete modal. `trouble` says what could not be asked; the questions stay, because Airflow may recover
    soon."""
    asks = ASKS[chosen.verb] if chosen.dag else ()
    said = next((one for one in (trouble, runs.trouble if runs else "", tasks.trouble if tasks else "") if one), "")
    blocks: list[Block | None] = [section(_FIRST[chosen.verb]), _dag(chosen)]
    for ask in asks:
        blocks += _QUESTIONS[ask](chosen, runs, tasks, dag, now)
    blocks.append(context(f"⚠️ {foreign(said, 300)}") if said else None)
    looks = chosen.verb in LOOKS
    blocks.append(None if looks or dag is not None else context(_LAST))
    name = f"Trigger {cut_middle(plain(chosen.dag), 16)}" if "params" in asks else title(chosen.verb)
    return modal(CALLBACK, name, blocks, about=chosen.packed(), submit="Show" if looks else "Preview")


def _select(name: str, placeholder: str, first: Block | None = None) -> Block:
    element: Block = {
        "type": "external_select",
        "action_id": name,
        "min_query_length": 0,
        "placeholder": words(placeholder),
    }
    return element | {"initial_option": first} if first else element


def _picked(block_id: str, label: str, element: Block, *, optional: bool = False) -> Block:
    """A question whose answer determines the next ones."""
    block = question(element["action_id"], label, element, optional=optional)
    return block | {"block_id": block_id, "dispatch_action": True}


def _dag(chosen: Chosen) -> Block:
    first = option(dag_label(chosen.dag), dag_value(chosen.deployment, chosen.dag)) if chosen.dag else None
    return _picked("dag", "DAG", _select("dag", "Type a part of its name", first))


def _run(chosen: Chosen, runs: Offer[Run] | None, *_: Any) -> list[Block | None]:
    items = runs.items if runs else ()
    run = next((one for one in items if one.run_id == chosen.run), None)
    return [_picked(chosen.run_block, "Run", _select("run", "Newest first", run_option(run) if run else None))]


def _task(chosen: Chosen, _: Offer[Run] | None, tasks: Offer[TaskOffer] | None, *__: Any) -> list[Block | None]:
    first = every_task() if chosen.verb == "clear" else _first_failed(tasks.items if tasks else ())
    element = _select("task", "Failed ones first", first)
    return [question("task", "Task", element) | {"block_id": chosen.task_block}]


def _first_failed(items: tuple[TaskOffer, ...]) -> Block | None:
    return next((task_option(offer) for offer in items if failed(offer) and not offer.mapped), None)


def _reach(*_: Any) -> list[Block | None]:
    offered = [option("Only what failed", "failed"), option("And what waits behind it", "downstream"),
               option("And what it needs", "upstream")]  # fmt: skip
    element = {"type": "checkboxes", "options": offered, "initial_options": offered[:1]}
    return [question("reach", "Which task instances", element, optional=True)]


def _state(chosen: Chosen, *_: Any) -> list[Block | None]:
    offered = [option(state, state) for state in ("success", "failed", "skipped")]
    first = next((one for one in offered if one["value"] == chosen.state), offered[0])
    return [question("state", "Mark as", {"type": "radio_buttons", "options": offered, "initial_option": first})]


def _reason(*_: Any) -> list[Block | None]:
    element = {"type": "plain_text_input", "max_length": 200, "placeholder": words("The file came by hand")}
    return [question("reason", "Why", element, hint="Everyone sees it next to your name.", optional=True)]


def _dates(_: Chosen, __: Any, ___: Any, ____: Any, now: datetime) -> list[Block | None]:
    day = f"{now - timedelta(days=1):%Y-%m-%d}"
    failed = option("Run again those that failed", "failed")
    return [question("from", "From", {"type": "datepicker", "initial_date": day}),
            question("to", "To", {"type": "datepicker", "initial_date": day}),
            question("failed", "Runs that are there", {"type": "checkboxes", "options": [failed]}, optional=True)]  # fmt: skip


def _run_state(*_: Any) -> list[Block | None]:
    offered = [option("Any", "any"), *(option(state, state) for state in ("failed", "running", "queued", "success"))]
    return [question("run-state", "State", {"type": "static_select", "options": offered, "initial_option": offered[0]})]


def _lines(*_: Any) -> list[Block | None]:
    offered = [option("Last 12 lines", "12"), option("Last 50 lines", "50")]
    return [question("lines", "How much", {"type": "radio_buttons", "options": offered, "initial_option": offered[0]})]


def _params(chosen: Chosen, runs: Offer[Run] | None, _: Any, dag: Dag | None, __: datetime) -> list[Block | None]:
    if dag is None:
        return []
    running = sum(run.state == "running" for run in runs.items) if runs else 0
    key = digest(chosen.deployment, chosen.dag)
    return [
        section(trigger_form.warning(dag, running)),
        divider(),
        *trigger_form.questions(dag, key, chosen.deployment),
    ]


_QUESTIONS: dict[str, Callable[..., list[Block | None]]] = {
    "run": _run, "task": _task, "reach": _reach, "state": _state, "reason": _reason,
    "dates": _dates, "run-state": _run_state, "lines": _lines, "params": _params,
}  # fmt: skip


def with_likely_run(chosen: Chosen, runs: Offer[Run]) -> Chosen:
    """The DAG's run that is most likely meant."""
    run = likely(runs.items)
    return replace(chosen, run=run.run_id if run else "")
