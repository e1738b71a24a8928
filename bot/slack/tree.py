"""The tasks of a DAG as a tree: who waits for whom, as far as a column of text can say it.

Hard case: a task with several tasks in front of it. It stands once, behind the one that lies deepest, since it can start no
earlier. Rule: every task stands exactly once, whatever the graph; a chain longer than the column is not set in any further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.core.airflow.protocol import TaskNode

DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of the tree: `prefix` is drawn before the name; `above` are the tasks that it hangs on, outermost first."""

    task_id: str
    prefix: str
    above: tuple[str, ...] = ()


def tree(nodes: Sequence[TaskNode], present: Sequence[str] = ()) -> list[Branch]:
    """Every task, from above to below; `present` are tasks that a run has though its DAG has them no more."""
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
    while todo:  # not by recursion: a chain of a thousand tasks is a DAG too
        task, prefix, inset, above = todo.pop()
        lines.append(Branch(task, prefix, above))
        inner = below.get(task, [])
        for place, child in reversed(list(enumerate(inner))):
            last = place == len(inner) - 1
            further = inset if len(above) >= DEEPEST else inset + ("  " if last else "│ ")
            todo.append((child, inset + ("└ " if last else "├ "), further, (*above, task)))


def _parents(nodes: Sequence[TaskNode]) -> dict[str, str]:
    """For each task the one in front of it that lies deepest; what stands in a circle has none."""
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
