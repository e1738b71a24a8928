"""A plan in words: "clearing 14 task instances of sales_daily".

The same action is named before (a question), during (a headline) and after (a thread line), so one table has the three
forms of each verb. The count is always the plan's own.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.core.remediation import Plan, Progress, Remediation
from bot.slack.text.block_kit import Block, button
from bot.slack.text.words import count, foreign, plain

# do, doing, done
_FORMS = {
    "clear": ("clear", "clearing", "cleared"),
    "mark": ("mark", "marking", "marked"),
    "pause": ("pause", "pausing", "paused"),
    "unpause": ("unpause", "unpausing", "unpaused"),
    "trigger": ("trigger", "triggering", "triggered"),
    "backfill": ("backfill", "backfilling", "backfilled"),
    "variable": ("set", "setting", "set"),
}
DO, DOING, DONE = 0, 1, 2
MOST_AT_ONCE = 20  # a shorter list is done before a person could press Stop
_MOST_SQUARES = 20


def verb(plan: Plan, form: int) -> str:
    """`clear`, `clearing` or `cleared`; an action without forms is named as it is."""
    return _FORMS.get(plan.action, (plan.action,) * 3)[form]


def things(plan: Plan) -> str:
    """`14 task instances`, `40 DAGs`, `1 run`."""
    if plan.is_of_runs:
        return count(len(plan.scopes), "run")
    word = {"pause": "DAG", "unpause": "DAG", "trigger": "run", "backfill": "date", "variable": "variable"}
    return count(size(plan), word.get(plan.action, "task instance"))


def size(plan: Plan) -> int:
    """How many things the plan names; runs whose state follows their tasks' are listed but not counted."""
    return sum(change.ref is not None for change in plan.marked) if plan.action == "mark" else len(plan.changes)


def dags(plan: Plan) -> list[str]:
    """The DAGs that the plan affects."""
    return list(plan.dag_ids)


def act(plan: Plan, form: int, show: Callable[[str], str] = plain) -> str:
    """`clearing 14 task instances of sales_daily`; `show` formats and escapes the names."""
    return f"{verb(plan, form)} {touched(plan, show)}{becomes(plan, plain if show is plain else foreign)}"


def touched(plan: Plan, show: Callable[[str], str] = plain) -> str:
    """What the plan affects: `14 task instances of sales_daily`, `orders_hourly`, `40 DAGs`."""
    if plan.action in {"pause", "unpause", "trigger"}:
        return show(dags(plan)[0]) if len(dags(plan)) == 1 else things(plan)
    if plan.action == "variable":
        return f"the variable {show(dags(plan)[0])}"
    return f"{things(plan)}{_of_where(plan, show)}"


def _of_where(plan: Plan, show: Callable[[str], str]) -> str:
    named = dags(plan)
    if not named:
        return ""
    return f" of {show(named[0])}" if len(named) == 1 else f" in {len(named)} DAGs"


def becomes(plan: Plan, show: Callable[[object, int], str] = plain) -> str:
    """` success`: the state that a mark sets, empty for other actions."""
    if plan.action != "mark":
        return ""
    state = plan.options.get("state") or next((change.after for change in plan.changes), "")
    return f" {show(state, 16)}" if state else ""


def batches(remediation: Remediation) -> bool:
    """Whether the progress of the request itself is shown, because its list takes more than one call."""
    return remediation.progress is Progress.doing and size(remediation.plan) > 1


def stop_button(plan: Plan) -> Block | None:
    """A button that stops the remediation after its current batch; None for a short list."""
    if size(plan) < MOST_AT_ONCE and plan.action != "backfill":
        return None
    return button("stop", "Stop", plan.id, style="danger", spoken=f"Stop {act(plan, DOING)} after the current batch")


def where(plan: Plan) -> str:
    """`sales_daily` or `40 DAGs`."""
    return plain(dags(plan)[0]) if len(dags(plan)) == 1 else count(len(dags(plan)), "DAG")


def squares(done: int, total: int) -> str:
    """One square per task instance up to twenty, ten squares for more."""
    shown = total if total <= _MOST_SQUARES else 10
    filled = min(shown, done if shown == total else done * 10 // total)
    return "■" * filled + "□" * (shown - filled)


def tallied(remediation: Remediation, *, ended: bool = False) -> str:
    """`9 done · 2 running · 3 waiting`, or after the end `12 succeeded, 2 failed`, empty if nothing was counted."""
    tally = remediation.tally
    if ended:
        parts = [f"{tally.get(key, 0)} {word}" for key, word in _ENDED if tally.get(key)]
        return ", ".join(parts)
    if batches(remediation):
        done = verb(remediation.plan, DONE)
        return f"*{tally.get('done', 0)} {done}* · {tally.get('waiting', 0)} to go"
    parts = [f"{tally.get(key, 0)} {word}" for key, word in _GOING if tally.get(key) or key == "done"]
    return " · ".join([f"*{parts[0]}*", *parts[1:]])


_GOING = (("done", "done"), ("failed", "failed"), ("running", "running"), ("waiting", "waiting"))
_ENDED = (("done", "succeeded"), ("failed", "failed"), ("running", "still running"), ("waiting", "still waiting"))


def not_done(remediation: Remediation) -> tuple[str, str]:
    """How an action failed: the bold words, and the sentence after them. It never says more than is known."""
    answer = foreign(remediation.answer, 300)
    match remediation.progress:
        case Progress.moved:
            return "Nothing was changed:", answer or "the list moved after it was confirmed"
        case Progress.failed:
            return "Nothing was changed:", answer or "Airflow refused"
        case Progress.given_up:
            return "Nothing was changed:", answer or "Airflow did not answer in time"
        case Progress.stopped:
            return "Nothing was changed:", answer or "it was stopped before it began"
        case Progress.partly:
            return "Done in part:", answer or "it was not carried out to its end"
        case _:
            return "The outcome is not known:", answer or "no answer came, and Airflow could not be read back"
