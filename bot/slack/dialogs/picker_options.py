"""The options of a type-ahead: DAGs, runs and tasks, or a sentence that says why there are none.

There are at most a hundred options. Labels are cut in the middle, values never: a name longer than the 150 characters
of a value is represented by its start and a digest, and matched against Airflow's answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from bot.core.airflow.protocol import Dag, Run
from bot.responder.lookups.suggestions import Offer, TaskOffer
from bot.slack.text.block_kit import Block, option, words
from bot.slack.text.limits import OPTION_VALUE, OPTIONS
from bot.slack.text.words import cut, cut_middle, plain

NOTHING = "?"  # the value of an option that only says why there are no others
EVERY = "*"
_LABEL = 75
_SIGNS = {"success": "✓", "failed": "✗", "upstream_failed": "✗", "up_for_retry": "✗"}


def digest(*names: str) -> str:
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()[:10]


def coded(name: str) -> str:
    """The name as an option's value; one that is too long is replaced by a digest and its start."""
    return name if len(name) <= OPTION_VALUE else f"~{digest(name)}:{name[: OPTION_VALUE - 20]}"


def decoded(value: str, names: Iterable[str]) -> str:
    """The name behind a value; empty if a digest matches none of the names."""
    return next((name for name in names if coded(name) == value), "") if value.startswith("~") else value


def dag_value(deployment: str, dag_id: str) -> str:
    return coded(f"{deployment}:{dag_id}")


def dag_label(dag_id: str, *, paused: bool = False) -> str:
    return cut_middle(plain(dag_id), _LABEL - 9) + (" (paused)" if paused else "")


def dag_choices(shelves: Sequence[Offer[Dag]]) -> Block:
    """What a type-ahead is answered with: groups where there are several deployments, or one that does not answer."""
    rows = {offered.deployment: [option(dag_label(dag.dag_id, paused=dag.is_paused), dag_value(offered.deployment, dag.dag_id))
                               for dag in offered.items[:OPTIONS]] for offered in shelves}  # fmt: skip
    if len(shelves) == 1 and not shelves[0].trouble:
        return {"options": rows[shelves[0].deployment]}
    if not shelves:
        return _said("No Airflow is configured", "There is nothing to choose from")
    groups = [_group(offered.deployment, offered.trouble, rows[offered.deployment]) for offered in shelves]
    return {"option_groups": [group for group in groups if group]}


def _group(deployment: str, trouble: str, rows: list[Block]) -> Block | None:
    if trouble:
        return _why_none(f"{deployment} does not answer", trouble)
    return {"label": words(cut(plain(deployment), _LABEL)), "options": rows} if rows else None


def _said(label: str, sentence: str) -> Block:
    return {"option_groups": [_why_none(label, sentence)]}


def _why_none(label: str, sentence: str) -> Block:
    said = option(cut(plain(sentence), _LABEL) or "Nothing came back", NOTHING)
    return {"label": words(cut(plain(label), _LABEL)), "options": [said]}


def run_choices(offered: Offer[Run], typed: str) -> Block:
    if offered.trouble:
        return _said(f"{offered.deployment} does not answer", offered.trouble)
    fitting = [run for run in offered.items if typed.casefold() in f"{run.run_id} {run.state}".casefold()]
    return {"options": [run_option(run) for run in fitting[:OPTIONS]]}


def run_option(run: Run) -> Block:
    said = f"{_SIGNS.get(run.state, '·')} {run.state} · "
    return option(said + cut_middle(plain(run.run_id), _LABEL - len(said)), coded(run.run_id))


def task_choices(offered: Offer[TaskOffer], typed: str, *, every: bool) -> Block:
    """`every` offers the whole run too, and a mapped task as one; else a task instance must be named."""
    if offered.trouble:
        return _said(f"{offered.deployment} does not answer", offered.trouble)
    fitting = [offer for offer in offered.items if typed.casefold() in f"{offer.label} {offer.state}".casefold()]
    rows = [task_option(offer) for offer in fitting if every or not offer.mapped]
    return {"options": ([every_task()] if every and not typed else []) + rows[: OPTIONS - 1]}


def every_task() -> Block:
    return option("All tasks of the run", EVERY)


def task_option(offer: TaskOffer) -> Block:
    tail = f" · {offer.mapped} mapped" if offer.mapped else ""
    said = f"{_SIGNS.get(offer.state, '·')} {offer.state} · "
    return option(said + cut_middle(plain(offer.label), _LABEL - len(said) - len(tail)) + tail, coded(offer.label))


def failed(offer: TaskOffer) -> bool:
    return _SIGNS.get(offer.state) == "✗"
