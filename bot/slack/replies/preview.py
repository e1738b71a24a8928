"""The preview of every change in Airflow: surprises first, then everything that it would touch, before and after.

Neighbouring mapped task instances in the same state are folded into one line (`load[0..5]`), and what doesn't fit into
25 lines is counted. The button names the verb and the count of exactly the list above it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from bot.core.remediation import Change, Plan, Surprise, difference, ranges
from bot.slack.alert import action_words
from bot.slack.text.block_kit import Block, Message, actions, button, context, header, message, preformatted, section
from bot.slack.text.words import at, code, count, cut_middle, foreign, joined, listed, plain
from bot.slack.text.words import preformatted as lines_of

_MOST_LINES = 25
_MOST_RUNS = 6
_MOST_KEYS = 20  # in a conf
_FAILED = frozenset({"failed", "upstream_failed"})
_BUSY = frozenset({"running", "deferred", "restarting"})
_NAME, _STATE = 40, 24  # the columns' maximum widths


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list: one change, or several mapped ones with equal values."""

    label: str
    change: Change
    number: int
    sign: str


def preview(plan: Plan, now: datetime, *, dry: bool = False, where: str = "") -> Message:
    """The confirmation question for one plan; `dry` only shows the list. `where` is the deployment, if there are
    several."""
    asked = (
        f"{action_words.act(plan, action_words.DO).capitalize()}?"
        if not action_words.dags(plan)
        else f"{_question(plan)}?"
    )
    rows = _rows(plan.changes, {})
    legend = "! perhaps not expected" if any(row.sign == "!" for row in rows) else ""
    works = "asked for dry: there is nothing to confirm" if dry else _works(plan, now)
    last = joined(foreign(where, 60), "Nothing has been changed yet", works, legend)
    row = None if dry else actions("confirm", *_buttons(plan, may_narrow=True))
    return message(
        f"{foreign(asked, 200)} Nothing has been changed yet.",
        header(asked), *shown(plan), row, context(last),
    )  # fmt: skip


def shown(plan: Plan) -> list[Block | None]:
    """Surprises, warnings, the list and a conf, as the preview shows them."""
    return [section(_surprises(plan)), *_lists(_rows(plan.changes, {})), preformatted(_conf(plan))]


def everything(plan: Plan) -> Block | None:
    """The button for the whole list as a file; None if the preview shows all of it."""
    return button("whole-list", "Whole list as a file", plan.id) if whole_list(plan) else None


def whole_list(plan: Plan) -> str:
    """Every line of a plan, for a file; empty if the preview shows all of them."""
    rows = _rows(plan.changes, {})
    runs = len({_run_of(row) for row in rows})
    if len(rows) <= _MOST_LINES and runs <= _MOST_RUNS:
        return ""
    lines = [f"{_question(plan)}: {len(plan.changes)} lines"]
    for run, group in groupby(plan.changes, lambda c: (c.ref.dag_id if c.ref else "", c.run_id)):
        lines += ["", " · ".join(part for part in run if part)]
        lines += [f"{'!' if c.surprise else ' '} {c.what}   {c.before or 'none'}   → {c.after}" for c in group]
    return "\n".join(lines) + "\n"


def _question(plan: Plan) -> str:
    verb = action_words.verb(plan, action_words.DO).capitalize()
    return f"{verb} {action_words.touched(plan, lambda name: cut_middle(plain(name), 80))}{action_words.becomes(plan)}"


def _works(plan: Plan, now: datetime) -> str:
    return f"works once, for you, until {at(plan.expires_at, now)}"


def moved(old: Plan, new: Plan, now: datetime, where: str = "") -> Message:
    """The list differs from the confirmed one: the new list in the same form."""
    signs = difference(old.changes, new.changes)
    done = action_words.verb(new, action_words.DONE)
    said = f"Nothing was {done}: the list moved"
    legend = "+ new   ± changed   ! perhaps not expected"
    return message(
        f"{said} while you looked. The new list has {action_words.things(new)}.",
        header(said), section(f"{_what_moved(old, new, signs)} This is the list now:"), *_lists(_rows(new.changes, signs)),
        actions("confirm", *_buttons(new, may_narrow=False)), context(joined(foreign(where, 60), legend, _works(new, now))),
    )  # fmt: skip


def _what_moved(old: Plan, new: Plan, signs: Mapping[Change, str]) -> str:
    now_there = {(change.run_id, change.what) for change in new.changes}
    told = [f"{code(c.what, 60)} is new ({foreign(c.before)})" for c, sign in signs.items() if sign == "+"]
    told += [f"{code(c.what, 60)} is {foreign(c.before)} now" for c, sign in signs.items() if sign == "±"]
    told += [f"{code(c.what, 60)} is gone" for c in old.changes if (c.run_id, c.what) not in now_there]
    return f"Since you looked: {listed(told)}." if told else "Since you looked, the list has moved."


def _surprises(plan: Plan) -> str:
    by_kind: dict[Surprise, list[Change]] = {}
    for change in plan.changes:
        by_kind.setdefault(change.surprise, []).append(change)
    told = [_surprise(kind, by_kind[kind], plan) for kind in Surprise if kind and kind in by_kind]
    return "\n".join([*told, *(f"⚠️ {foreign(warning, 300)}" for warning in plan.warnings[:5])])


def _surprise(kind: Surprise, changes: Sequence[Change], plan: Plan) -> str:
    names = listed(dict.fromkeys(code(change.what, 60) for change in changes), most=4)
    number = len(changes)
    marks = plan.action == "mark"
    match kind:
        case Surprise.running:
            after = f"will be set to {foreign(changes[0].after)}" if marks else "will be stopped"
            if number == 1:
                return f"⚠️ *{names} is running* and {after}"
            return f"⚠️ *{number} task instances are running* and {after}: {names}"
        case Surprise.neighbour:
            tasks = listed(dict.fromkeys(code(c.ref.task_id, 60) for c in changes if c.ref), most=3)
            state = " succeeded and" if all(change.before == "success" for change in changes) else ""
            return f"⚠️ *{count(number, 'mapped neighbour')} of {tasks}*{state} will run again"
        case _:
            after = f"will be set to {foreign(changes[0].after)}" if marks else "will run again"
            return f"⚠️ *{count(number, 'task instance')} succeeded* and {after}: {names}"


def _rows(changes: Sequence[Change], signs: Mapping[Change, str]) -> list[Row]:
    return [row for _, alike in groupby(changes, lambda c: _alike(c, signs)) for row in _fold(list(alike), signs)]


def _alike(change: Change, signs: Mapping[Change, str]) -> tuple[Any, ...]:
    ref = change.ref
    own = (ref.dag_id, ref.task_id) if ref and ref.map_index >= 0 else (change.what, None)
    return (change.run_id, *own, change.before, change.after, change.surprise, signs.get(change, ""))


def _fold(alike: list[Change], signs: Mapping[Change, str]) -> Iterator[Row]:
    first = alike[0]
    mark = signs.get(first) or ("!" if first.surprise else "")
    if first.ref is None or len(alike) == 1 or first.ref.map_index < 0:
        yield from (Row(plain(change.what), change, 1, mark) for change in alike)
        return
    indexes = sorted(change.ref.map_index for change in alike if change.ref)
    yield Row(f"{plain(first.ref.task_id)}[{ranges(indexes)}]", first, len(alike), mark)


def _lists(rows: list[Row]) -> list[Block | None]:
    """One block per run: its name, then its lines; at most 25 lines in total."""
    runs = [(run, list(group)) for run, group in groupby(rows, _run_of)]
    several = len({run[0] for run, _ in runs}) > 1
    room, hidden, blocks = _MOST_LINES, 0, []
    for number, (run, group) in enumerate(runs):
        shown = group[:room] if number < _MOST_RUNS else []
        hidden += sum(row.number for row in group[len(shown) :])
        if shown:
            room -= len(shown)
            title = " · ".join(part for part in ((plain(run[0]) if several else ""), plain(run[1])) if part)
            blocks.append(preformatted("\n".join([*([title] if title else []), *_table(shown)])))
    return [*blocks, context(f"+{hidden} more") if hidden else None]


def _run_of(row: Row) -> tuple[str, str]:
    return (row.change.ref.dag_id if row.change.ref else "", row.change.run_id)


def _table(rows: list[Row]) -> list[str]:
    labels = [cut_middle(row.label, _NAME) for row in rows]
    states = [cut_middle(plain(row.change.before or "none"), _STATE) for row in rows]
    wide, state = max(map(len, labels)), max(map(len, states))
    return [f"{row.sign or ' '} {label:<{wide}}   {before:<{state}}   → {cut_middle(plain(row.change.after), 80)}{_number(row)}"
            for row, label, before in zip(rows, labels, states, strict=True)]  # fmt: skip


def _number(row: Row) -> str:
    if row.change.surprise is Surprise.neighbour:
        return f", {count(row.number, 'mapped neighbour')}"
    return f", {row.number}" if row.number > 1 else ""


def _conf(plan: Plan) -> str:
    """The conf of a new run, one line per key."""
    conf = plan.options.get("conf")
    if not isinstance(conf, Mapping) or not conf:
        return ""
    pairs = [f"{plain(key, 60)} = {plain(json.dumps(value, ensure_ascii=False), 120)}" for key, value in conf.items()]
    more = [f"+{len(pairs) - _MOST_KEYS} more"] if len(pairs) > _MOST_KEYS else []
    return lines_of("\n".join(["conf", *(f"  {line}" for line in [*pairs[:_MOST_KEYS], *more])]))


def _buttons(plan: Plan, *, may_narrow: bool) -> list[Block | None]:
    label = f"Confirm: {action_words.verb(plan, action_words.DO)} {_counted(plan)}"
    these = "these " if action_words.size(plan) > 1 else ""
    spoken = f"{action_words.verb(plan, action_words.DO).capitalize()} {these}{action_words.things(plan)}"
    confirm = button(
        "confirm", label, plan.id, style="danger" if stops_or_overwrites(plan) else "primary", spoken=spoken
    )
    return [confirm, _narrow(plan) if may_narrow else None, everything(plan), button("cancel", "Cancel", plan.id)]


def _counted(plan: Plan) -> str:
    if plan.action not in {"clear", "mark"} or plan.is_of_runs:
        return f"{action_words.things(plan)}{action_words.becomes(plan)}"
    return f"{action_words.size(plan)}{action_words.becomes(plan)}"


def stops_or_overwrites(plan: Plan) -> bool:
    """Whether confirming stops running task instances, or overwrites successful ones."""
    if plan.action == "clear":
        return any(change.surprise is Surprise.running or change.before in _BUSY for change in plan.changes)
    return plan.action == "mark" and any(change.surprise for change in plan.changes)


def _narrow(plan: Plan) -> Block | None:
    """The button for only the failed ones, if a wide clear also includes others; otherwise None."""
    failed = sum(change.before in _FAILED for change in plan.changes)
    wide = any(change.before not in _FAILED and change.surprise for change in plan.changes)
    if plan.action != "clear" or not wide or not failed:
        return None
    return button("narrow", f"Only the {failed} failed", plan.id, spoken="Show the plan for failed ones only")
