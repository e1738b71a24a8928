"""A run as a list of its task instances, each state as a sign *and* a word.

Hard case: hundreds of mapped task instances of one task. They are one line, with the states counted. Rule: the figures in the
first lines are of all task instances, also of those that the list has no room for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.core.deployment import Run, TaskInstance
from bot.slack.kit import Message, context, message, preformatted, section
from bot.slack.words import bare, code, count, cut_middle, foreign, joined, link, listed, plain, span

_MOST = 45
_SIGNS = {"success": "✓", "failed": "✗", "upstream_failed": "-", "skipped": "-", "removed": "-", "none": "-"}
_NEVER_RAN = frozenset({"upstream_failed", "skipped", "removed", "none"})
_ORDER = ("failed", "running", "upstream_failed")  # what one looks for first, when mapped ones differ


def tasks(run: Run, instances: Sequence[TaskInstance], url: str = "") -> Message:
    """The run in two lines, then a line a task."""
    by_task: dict[str, list[TaskInstance]] = {}
    for instance in instances:
        by_task.setdefault(instance.ref.task_id, []).append(instance)
    lines = _table(list(by_task.values())[:_MOST])
    states = Counter(instance.state for instance in instances)
    head = f"*{foreign(run.dag_id, 200)}* {link(url, run.run_id)}\n{_figures(run, instances, states)}"
    signs = "✓ success   ✗ failed   - never ran"
    more = f"+{len(by_task) - _MOST} more tasks" if len(by_task) > _MOST else ""
    following = f"next: {code(f'/airflow clear {run.dag_id} failed')}" if states["failed"] else ""
    text = f"{foreign(run.dag_id, 100)}, run {foreign(run.run_id, 80)}: {bare(_figures(run, instances, states))}"
    return message(text, section(head), preformatted("\n".join(lines)), context(joined(more, signs, following)))


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


def _table(tasks: list[list[TaskInstance]]) -> list[str]:
    rows = [(_sign(group), _label(group), _state(group), _took(group)) for group in tasks]
    wide = max((len(label) for _, label, _, _ in rows), default=0)
    states = max((len(state) for _, _, state, _ in rows), default=0)
    return [f"{sign} {label:<{wide}}  {state:<{states}}  {took}".rstrip() for sign, label, state, took in rows]


def _label(group: list[TaskInstance]) -> str:
    name, indexes = cut_middle(plain(group[0].ref.task_id), 40), [i.ref.map_index for i in group]
    if max(indexes) < 0:
        return name
    return f"{name}[{min(indexes)}..{max(indexes)}]" if len(indexes) > 1 else f"{name}[{indexes[0]}]"


def _worst(group: list[TaskInstance]) -> str:
    states = {instance.state for instance in group}
    return next((state for state in _ORDER if state in states), group[0].state)


def _sign(group: list[TaskInstance]) -> str:
    return _SIGNS.get(_worst(group), "·")


def _state(group: list[TaskInstance]) -> str:
    states = Counter(instance.state for instance in group)
    if len(states) == 1:
        return plain(group[0].state, 24)
    return cut_middle(", ".join(f"{number} {plain(state)}" for state, number in states.most_common()), 48)


def _took(group: list[TaskInstance]) -> str:
    longest = max((instance.duration or 0 for instance in group), default=0)
    return span(longest) if longest else ""
