"""The headline of an incident, and the sentence for the lock screen.

A headline has at most 72 characters. If it is too long, the cause is cut first, and the name only if it is too long on
its own.
"""

from __future__ import annotations

from typing import Any

from bot.core.dates import span
from bot.core.incidents.cause import phrase
from bot.core.incidents.incident import Incident, State
from bot.core.incidents.routing import RETRYING, Severity
from bot.core.incidents.view import Stage, View
from bot.core.remediation import Remediation
from bot.core.signals.signal import Family
from bot.slack.alert import action_words
from bot.slack.alert.stage import sign
from bot.slack.text.limits import cut_markup
from bot.slack.text.words import clock, count, cut, cut_middle, foreign, plain

LONGEST = 72
LOCK_SCREEN = 150
RETRIES = " is tried again"
_SHORTEST_CAUSE = 6  # a cause cut below this is meaningless


def cause(view: View, limit: int = 300) -> str:
    """The cause as a phrase; secrets are masked before it is cut."""
    return plain(phrase(view.incident.exemplar, view.runbook, limit=100_000), limit)


def name(view: View) -> str:
    """The incident's name: `sales_daily.load`, `312 failures in 40 DAGs`, `finance/ledger.py`."""
    return spoken(view)[0]


def spoken(view: View) -> tuple[str, str, str]:
    """The sentence in three parts: name, event, cause."""
    incident = view.incident
    if view.is_storm:
        return _storm_name(view), "" if view.counts.failures else " are tried again", cause(view)
    label = plain(incident.exemplar.label) or incident.name
    match incident.family:
        case Family.task | Family.run:
            return label, RETRIES if incident.exemplar.kind == RETRYING else " failed", _task_cause(view)
        case Family.file:
            return file_name(incident), " does not import", _file_cause(view)
        case Family.late:
            return _from_sentence(
                incident, f"{label} missed its SLA" if "sla" in incident.exemplar.kind else f"{label} is late"
            )
        case Family.external:
            said = plain(incident.exemplar.sentence)
            return label, "", "" if said == label else said
        case _:
            return _from_sentence(incident, label)


def _storm_name(view: View) -> str:
    dags = view.counts.dags
    failures = count(view.counts.failures, "failure") if view.counts.failures else count(view.counts.things, "task")
    return f"{failures} in {plain(dags[0][0])}" if len(dags) == 1 else f"{failures} in {len(dags)} DAGs"


def _task_cause(view: View) -> str:
    signal = view.incident.exemplar
    if signal.family is Family.run:
        return "no task reported"
    if signal.source == "sweep" and not signal.exception and not (view.runbook and view.runbook.phrase):
        return "no callback received"
    return cause(view)


def _file_cause(view: View) -> str:
    gone = gone_dags(view.incident)
    return (
        f"{len(gone)} DAGs are gone"
        if len(gone) > 1
        else "1 DAG is gone"
        if gone
        else plain(phrase(view.incident.exemplar), 300)
    )


def _from_sentence(incident: Incident, otherwise: str) -> tuple[str, str, str]:
    head, _, tail = (plain(incident.exemplar.sentence) or otherwise).partition(": ")
    return head.rstrip("."), "", tail.rstrip(".")


def gone_dags(incident: Incident) -> list[str]:
    """The DAGs that a file no longer defines, if the signal names them."""
    listed: Any = incident.exemplar.extra.get("dags")
    return (
        [plain(dag, 250) for dag in listed if isinstance(dag, str) and dag] if isinstance(listed, list | tuple) else []
    )


def file_name(incident: Incident) -> str:
    """The path relative to the DAG folder."""
    return plain(incident.exemplar.file.rpartition("/dags/")[2] or incident.exemplar.file) or incident.name


def headline(view: View) -> str:
    """The header's plain text, at most 72 characters."""
    current, failed = view.stage, view.failed_act
    if current is Stage.working and view.remediation:
        return _working(view.remediation)
    if current is Stage.resolved:
        return compose(sign(view), "", f"{name(view)} {'are' if view.is_storm else 'is'} well again", "", "")
    holder = cut(plain(view.incident.holder.name), 24) if view.incident.holder else "Somebody"
    words = {Stage.acknowledged: f"{holder} has it", Stage.again: "Again", Stage.silenced: "Quiet"}.get(current, "")
    if failed:
        doing = action_words.verb(failed.plan, action_words.DOING)
        words = f"{words}, {doing} failed" if words else f"{doing.capitalize()} failed"
        return compose(sign(view), words, name(view), "", "" if current is Stage.acknowledged else spoken(view)[2])
    head, happened, why = spoken(view)
    task_like = happened == " failed" and why
    words = words if not words or happened != RETRIES else f"{words}, tried again"
    happened = "" if words and happened == RETRIES else happened
    return compose(sign(view), words, head, "" if words and task_like else happened, why)


def compose(emoji: str, state: str, head: str, happened: str, why: str, limit: int = LONGEST) -> str:
    """`emoji state · name failed: cause` within the limit."""
    before = f"{emoji} {state} · " if state else f"{emoji} "
    room = limit - len(before) - len(happened)
    if len(head) > room:
        return before + cut_middle(head, room) + happened
    room -= len(head) + len(": ")
    if not why or (len(why) > room and room < _SHORTEST_CAUSE):
        return before + head + happened
    return f"{before}{head}{happened}: {cut(why, room)}"


def _working(remediation: Remediation) -> str:
    plan = remediation.plan
    who = cut(plain(plan.person.name), 20) or "Somebody"
    if plan.action in {"pause", "unpause", "trigger"}:
        before = f"🔧 {who} is {action_words.verb(plan, action_words.DOING)} "
        return before + cut_middle(action_words.touched(plan), LONGEST - len(before) - 1) + "…"
    going = f"🔧 {who} is {action_words.verb(plan, action_words.DOING)} {action_words.things(plan)}{action_words.becomes(plan)}…"
    going += f" {remediation.tally.get('done', 0)}/{action_words.size(plan)}"
    room = LONGEST - len(going) - len(" · ")
    return f"{going} · {cut_middle(action_words.where(plan), room)}" if room >= _SHORTEST_CAUSE else cut(going, LONGEST)


def lock_screen(view: View, *facts: str) -> str:
    """The text of a notification: sign, name, cause, the most important facts, the holder, the id last; at most 150
    characters. `facts` are plain sentences, most important first; those that do not fit are left out."""
    incident = view.incident
    last = f" {_who_has_it(view)}. {incident.name}"
    critical = (
        "CRITICAL: " if incident.severity is Severity.critical and view.stage in {Stage.firing, Stage.again} else ""
    )
    said = foreign(f"{critical}{_said(view)}", 300)
    text = f"{sign(view)} {cut_markup(said, LOCK_SCREEN - len(last) - 4)}."
    for fact in facts:
        sentence = f" {foreign(fact)}."
        if len(text) + len(sentence) + len(last) <= LOCK_SCREEN:
            text += sentence
    return text.replace("….", "…") + last


def _said(view: View) -> str:
    head, happened, why = spoken(view)
    signal, incident = view.incident.exemplar, view.incident
    if view.stage is Stage.silenced and incident.silence:
        happened = f"{happened}, quiet until {clock(incident.silence.until)}"
    elif view.stage is Stage.again:
        since = span((view.now - incident.opened_at).total_seconds())
        happened = f"{happened or ' is back'} again, {incident.times} times in {since}"
    elif happened == " failed" and signal.try_number and signal.max_tries is not None:
        happened += f", try {signal.try_number}/{max(signal.max_tries + 1, signal.try_number)}"
    return f"{cut_middle(head, 80)}{happened}: {why}" if why else f"{cut_middle(head, 80)}{happened}"


def _who_has_it(view: View) -> str:
    incident = view.incident
    if incident.holder and incident.state is State.acknowledged:
        return f"{foreign(incident.holder.name, 24)} has it"
    if view.stage is Stage.silenced and incident.silence:
        return f"Silenced by {foreign(incident.silence.by, 24)}"
    if view.page_said == "trigger":
        return f"{view.pager} rang, no answer yet"
    return "Nobody has it now" if incident.times > 1 else "Nobody has it yet"
