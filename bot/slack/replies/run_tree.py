"""A run as a tree of its tasks, each state as a sign and a word; and the runs of a DAG.

The mapped task instances of one task take one line with the states counted. If a screen can't show all tasks, the
failed ones are kept, with the tasks above them; the figures at the top count all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.airflow.protocol import Run, TaskInstance, TaskNode
from bot.core.dates import span
from bot.slack.text.block_kit import Message, context, message, section
from bot.slack.text.columns import shown
from bot.slack.text.words import bare, code, count, cut_middle, foreign, joined, link, listed, plain

DEEPEST = 8

_MOST, _MOST_RUNS = 45, 25
_SIGNS = {"success": "✓", "failed": "✗", "upstream_failed": "-", "skipped": "-", "removed": "-", "none": "-"}
_NEVER_RAN = frozenset({"upstream_failed", "skipped", "removed", "none"})
_ORDER = ("failed", "up_for_retry", "running", "queued", "upstream_failed")  # most important first
_LEGEND = "✓ success   ✗ failed   - never ran"
Groups = Mapping[str, Sequence[TaskInstance]]


def tasks(
    run: Run, instances: Sequence[TaskInstance], url: str = "", nodes: Sequence[TaskNode] = (), where: str = ""
) -> Message:
    """The run in two lines, then one line per task. `where` is `prod:` if there are several deployments."""
    groups: dict[str, list[TaskInstance]] = {}
    for instance in instances:
        groups.setdefault(instance.ref.task_id, []).append(instance)
    branches = tree([node for node in nodes if node.task_id in groups] or [], list(groups))
    kept = _kept(branches, groups)
    part, _ = shown([_row(branch, groups[branch.task_id]) for branch in kept], _MOST)
    states = Counter(instance.state for instance in instances)
    head = f"*{foreign(run.dag_id, 200)}* {link(url, run.run_id)}\n{_figures(run, instances, states)}"
    more = f"+{len(branches) - len(kept)} more tasks" if len(branches) > len(kept) else ""
    command = f"clear {where}{run.dag_id}@{run.run_id} failed" if states["failed"] else f"runs {where}{run.dag_id}"
    last = joined(foreign(where.rstrip(":")), more, _LEGEND, f"next: {code(f'/airflow {command}', 200)}")
    text = joined(foreign(run.dag_id, 100), f"run {foreign(run.run_id, 80)}", bare(_figures(run, instances, states)))
    return message(text, section(head), part, context(last))


def _kept(branches: Sequence[Branch], groups: Groups) -> list[Branch]:
    """All branches, or as many as fit: failed ones first, with the tasks above them."""
    if len(branches) <= _MOST:
        return list(branches)
    wanted: dict[str, None] = {}
    for branch in sorted(branches, key=lambda one: _rank(groups[one.task_id])):
        path = dict.fromkeys((*branch.above, branch.task_id))
        if len(wanted | path) <= _MOST:
            wanted |= path
    return [branch for branch in branches if branch.task_id in wanted]


def _rank(group: Sequence[TaskInstance]) -> int:
    worst = _worst(group)
    return _ORDER.index(worst) if worst in _ORDER else len(_ORDER) + (worst == "success")


def _figures(run: Run, instances: Sequence[TaskInstance], states: Counter[str]) -> str:
    failed = [foreign(instance.ref.label, 60) for instance in instances if instance.state == "failed"]
    never = sum(number for state, number in states.items() if state in _NEVER_RAN)
    return joined(
        f"*{foreign(run.state, 30)}*",
        f"{states['success']} of {count(len(instances), 'task instance')} succeeded",
        f"{listed(failed, most=3)} failed" if failed else "",
        f"{states['running']} running" if states["running"] else "",
        f"{never} never ran" if never else "",
    )


def _row(branch: Branch, group: Sequence[TaskInstance]) -> tuple[str, ...]:
    return (
        f"{_SIGNS.get(_worst(group), '·')} {branch.prefix}{_label(group)}",
        _state(group),
        _took(group),
        _tries(group),
    )


def _label(group: Sequence[TaskInstance]) -> str:
    name, indexes = cut_middle(plain(group[0].ref.task_id), 40), [i.ref.map_index for i in group]
    if max(indexes) < 0:
        return name
    return f"{name}[{min(indexes)}..{max(indexes)}]" if len(indexes) > 1 else f"{name}[{indexes[0]}]"


def _worst(group: Sequence[TaskInstance]) -> str:
    states = {instance.state for instance in group}
    return next((state for state in _ORDER if state in states), group[0].state)


def _state(group: Sequence[TaskInstance]) -> str:
    states = Counter(instance.state for instance in group)
    if len(states) == 1:
        return plain(group[0].state, 24)
    return cut_middle(", ".join(f"{number} {plain(state)}" for state, number in states.most_common()), 48)


def _took(group: Sequence[TaskInstance]) -> str:
    longest = max((instance.duration or 0 for instance in group), default=0)
    return span(longest) if longest else ""


def _tries(group: Sequence[TaskInstance]) -> str:
    """`load[6], try 3/3`: the failed task instance, if mapped, and its try."""
    failed = [instance for instance in group if instance.state == "failed"]
    if not failed or not failed[0].try_number:
        return ""
    which = f"{cut_middle(plain(failed[0].ref.label), 40)}, " if failed[0].ref.map_index >= 0 else ""
    return f"{which}try {failed[0].try_number}/{max(failed[0].try_number, failed[0].max_tries + 1)}"


def runs(dag_id: str, found: Sequence[Run], now: datetime, states: Sequence[str] = (), where: str = "") -> Message:
    """The newest runs of a DAG, one line each: state, age, duration, id."""
    word = f"{listed(states, 'or')} " if states else ""
    if not found:
        said = f"*{foreign(where + dag_id, 200)}* has no {word}run"
        return message(bare(said), section(said), context(f"next: {code(f'/airflow trigger {where}{dag_id}')}"))
    part, more = shown([_run_row(run, now) for run in found], _MOST_RUNS)
    states_seen = Counter(run.state for run in found)
    figures = joined(*(f"{number} {foreign(state, 30)}" for state, number in states_seen.most_common(5)))
    told = (
        f"{count(len(found), f'{word.strip()} run')}, newest first"
        if word
        else f"newest {count(len(found), 'run')}: {figures}"
    )
    head = f"*{foreign(where + dag_id, 200)}* {told}"
    sick = next((run for run in found if run.state == "failed"), found[0])
    last = joined(more, f"next: {code(f'/airflow tasks {where}{dag_id}@{sick.run_id}', 200)}")
    return message(bare(head), section(head), part, context(last))


def _run_row(run: Run, now: datetime) -> tuple[str, ...]:
    sign = {"success": "✓", "failed": "✗"}.get(run.state, "·")
    began, ended = run.start_date, run.end_date
    ago = f"{span((now - began).total_seconds())} ago" if began else ""
    took = span(((ended or now) - began).total_seconds()) if began else ""
    return (f"{sign} {plain(run.state, 20)}", ago, took, cut_middle(plain(run.run_id), 60))


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of the tree: `prefix` is drawn before the name; `above` are its ancestors, outermost first."""

    task_id: str
    prefix: str
    above: tuple[str, ...] = ()


def tree(nodes: Sequence[TaskNode], present: Sequence[str] = ()) -> list[Branch]:
    """Every task, top down; `present` are tasks that a run has although its DAG no longer has them."""
    ids = list(dict.fromkeys([*(node.task_id for node in nodes), *present]))
    parents = _parents(nodes)
    below: dict[str, list[str]] = {}
    for task in ids:
        if task in parents:
            below.setdefault(parents[task], []).append(task)
    lines: list[Branch] = []
    for root in (task for task in ids if task not in parents):
        _draw(root, "", "", (), below, lines)
    return lines


def _draw(
    task: str, prefix: str, inset: str, above: tuple[str, ...], below: Mapping[str, list[str]], lines: list[Branch]
) -> None:
    todo = [(task, prefix, inset, above)]
    while todo:  # iterative, because a DAG may be a chain of a thousand tasks
        task, prefix, inset, above = todo.pop()
        lines.append(Branch(task, prefix, above))
        inner = below.get(task, [])
        for place, child in reversed(list(enumerate(inner))):
            last = place == len(inner) - 1
            further = inset if len(above) >= DEEPEST else inset + ("  " if last else "│ ")
            todo.append((child, inset + ("└ " if last else "├ "), further, (*above, task)))


def _parents(nodes: Sequence[TaskNode]) -> dict[str, str]:
    """For each task its deepest upstream task; tasks in a cycle have none."""
    known = {node.task_id: node for node in nodes}
    waits = dict.fromkeys(known, 0)
    for node in nodes:
        for task in node.downstream:
            if task in waits:
                waits[task] += 1
    depth, parents = dict.fromkeys(known, 0), dict[str, str]()
    ready = [task for task, number in waits.items() if not number]
    while ready:
        task = ready.pop(0)
        for after in known[task].downstream:
            if after not in waits:
                continue
            if after not in parents or (depth[task] + 1, task) > (depth[after], parents[after]):
                depth[after], parents[after] = depth[task] + 1, task
            waits[after] -= 1
            if not waits[after]:
                ready.append(after)
    return {task: parent for task, parent in parents.items() if not waits[task]}
