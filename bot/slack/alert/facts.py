"""The facts of an alert: two lines for severity and frequency, and a grey one for place and owner.

Most of what Airflow knows is not available yet when the first message is posted; an unknown fact is left out. One
phrase is bold: the one that decides what to do.
"""

from __future__ import annotations

from typing import Any

from bot.core.dates import span
from bot.core.incidents.incident import State
from bot.core.incidents.routing import Severity
from bot.core.incidents.view import Stage, View
from bot.core.signals.signal import Family
from bot.slack.alert import action_words
from bot.slack.alert.evidence import exception_line, facts_of
from bot.slack.alert.headline import cause, gone_dags
from bot.slack.text.words import as_moment, at, code, count, foreign, joined, link, mention, nth

_RUNS = {"success": "✓", "failed": "✗"}
_SHOWN_DAGS = 6


def facts(view: View) -> str:
    """One or two lines of mrkdwn."""
    if view.failed_act:
        return _failed(view)
    if view.is_storm:
        return _lines(_storm(view), "One cause, so one alert.")
    match view.incident.family:
        case Family.file:
            return _file(view)
        case Family.check | Family.external:
            return _told(view)
        case Family.run:
            first = _bold_first(view, "No task of it reported a failure", _waiting(view))
            return _lines(first, _history(view))
        case _:
            return _task(view)


def _task(view: View) -> str:
    ran = _duration(view)
    if view.stage is Stage.again:
        return _lines(_again(view), _recent_row(view) or _history(view))
    first = _bold_first(view, tries(view), _waiting(view), ran)
    found = "Found by sweep: Airflow says failed, the task itself never reported."
    return _lines(first, found if view.incident.exemplar.source == "sweep" else _history(view), *_bare_facts(view))


def _bold_first(view: View, *known: str) -> str:
    """The facts with the first one in bold; `Critical` comes before all others."""
    shown = [fact for fact in known if fact]
    if view.incident.severity is Severity.critical:
        shown = ["Critical", *([shown[0][0].lower() + shown[0][1:]] if shown else []), *shown[1:]]
    return joined(f"*{shown[0]}*", *shown[1:]) if shown else ""


def tries(view: View) -> str:
    """`Try 3/3, none left`; empty if the number of tries is not known."""
    signal = view.incident.exemplar
    if not signal.try_number or signal.max_tries is None:
        return ""
    total = max(signal.max_tries + 1, signal.try_number)
    return f"Try {signal.try_number}/{total}" + (", none left" if signal.try_number >= total else "")


def waiting(view: View) -> str:
    """`4 tasks wait`; empty if there are none, or the number is not known."""
    known: Any = view.context.get("waiting")
    number = known if isinstance(known, int) else len(known) if isinstance(known, list | tuple) else 0
    return f"{count(number, 'task')} {'waits' if number == 1 else 'wait'}" if number > 0 else ""


def _waiting(view: View) -> str:
    return f"{waiting(view)} for it" if waiting(view) else ""


def _duration(view: View) -> str:
    ran, usual = _seconds(view.incident.exemplar.extra.get("duration")), _seconds(view.context.get("usual_seconds"))
    if ran is None:
        return f"usually takes {span(usual)}" if usual else ""
    return f"ran {span(ran)}" + (f", usually {span(usual)}" if usual else "")


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 <= value < 10**9 else None


def _history(view: View) -> str:
    recent, last = _recent(view), as_moment(view.context.get("last_success"))
    failed = recent.count("failed")
    often = f"Failed {failed} of the last {len(recent)} runs" if failed and len(recent) > 1 else ""
    good = f"{'last' if often else 'Last'} success {at(last, view.now)}" if last else ""
    return joined(often, good)


def _recent(view: View) -> list[str]:
    recent: Any = view.context.get("recent")
    return [str(state) for state in recent] if isinstance(recent, list | tuple) else []


def _recent_row(view: View) -> str:
    recent = _recent(view)[-10:]
    if len(recent) < 2:
        return ""
    return f"Last {len(recent)} runs, newest last:  {' '.join(_RUNS.get(state, '-') for state in recent)}"


def _again(view: View) -> str:
    incident = view.incident
    often = f"{nth(incident.times)} time in {span((view.now - incident.opened_at).total_seconds())}"
    cleared = any(entry.what in {"asked", "cleared", "done"} for entry in view.timeline)
    if incident.times > 2:
        often += ": a retry helps for a while, fix the cause" if cleared else ": fix the cause"
    known = tries(view)
    return _bold_first(view, often, known[:1].lower() + known[1:], _waiting(view))


def _storm(view: View) -> str:
    counts = view.counts
    growth = f", {counts.recent} in the last 5 min: still growing" if counts.recent else ""
    first = f"{count(counts.failures, 'failure')}{growth}"
    well = counts.things - counts.sick
    since = (
        f"{at(counts.first_at, view.now)} to {at(counts.last_at, view.now)}"
        if counts.first_at and counts.last_at
        else ""
    )
    return _bold_first(view, first, f"{well} well again" if 0 < well < counts.things else "", since)


def _file(view: View) -> str:
    gone = gone_dags(view.incident)
    shown = " ".join(code(dag) for dag in gone[:_SHOWN_DAGS])
    more = f" and {len(gone) - _SHOWN_DAGS} more" if len(gone) > _SHOWN_DAGS else ""
    stop = (
        "They do not run until the file imports" if gone else "Its DAGs do not run as they are until the file imports"
    )
    return _lines(
        f"Gone: {shown}{more}" if gone else "", _bold_first(view, stop, *map(foreign, facts_of(view.incident)[:1]))
    )


def _told(view: View) -> str:
    """A check's own facts, with the first phrase in bold."""
    told = facts_of(view.incident)
    if not told:
        return "*Critical*" if view.incident.severity is Severity.critical else ""
    head, dot, rest = told[0].partition(" · ")
    critical = view.incident.severity is Severity.critical
    first = f"*Critical* · {foreign(told[0])}" if critical else f"*{foreign(head)}*{dot}{foreign(rest)}"
    return _lines(first, *map(foreign, told[1:3]))


def _bare_facts(view: View) -> list[str]:
    """The facts of a late DAG or task; a failed task's facts are shown as evidence."""
    if view.incident.family is not Family.late:
        return []
    return [foreign(fact) for fact in facts_of(view.incident)[:2]]


def _failed(view: View) -> str:
    failed = view.failed_act
    if failed is None:
        return ""
    bold, sentence = action_words.not_done(failed)
    asked = f"{foreign(failed.person.name, 40)} asked to {foreign(action_words.act(failed.plan, action_words.DO))}"
    return _lines(f"*{bold}* {sentence}", asked)


def grey(view: View) -> str:
    """Place and owner: deployment, run, owner, next run; the cause if the evidence is not shown."""
    incident, signal = view.incident, view.incident.exemplar
    place = foreign(incident.deployment, 80) if view.several_deployments else ""
    if view.is_storm:
        several = len(view.counts.dags) > 1  # for a single DAG the evidence shows the exception
        return joined(place, foreign(exception_line(signal), 150) if several else _owner(view))
    run = link(view.run_url, signal.run_id) if signal.run_id else ""
    if view.failed_act or view.stage is Stage.working:
        failed = f"failed {at(incident.opened_at, view.now)}"
        return joined(place, run, f"{failed}: {foreign(cause(view), 120)}" if cause(view) else failed)
    file = foreign(signal.file, 200) + _file_line(view) if incident.family is Family.file else ""
    host = f"on {foreign(signal.hostname, 80)}" if signal.source == "sweep" and signal.hostname else ""
    return joined(place, file, run, host, _owner(view), _next_run(view))


def _file_line(view: View) -> str:
    line = view.incident.exemplar.extra.get("line")
    return f", line {line}" if isinstance(line, int) else ""


def _owner(view: View) -> str:
    """The owner, with the route's mention only while no one has the incident."""
    incident = view.incident
    owner = (
        "" if incident.exemplar.owner == "airflow" else foreign(incident.exemplar.owner, 80)
    )  # Airflow's own default
    call = (
        mention(incident.mention) if incident.mention and incident.state is State.open and not incident.silence else ""
    )
    return f"owner {owner} {call}".rstrip() if owner else call


def _next_run(view: View) -> str:
    coming = as_moment(view.context.get("next_run"))
    return f"next run {at(coming, view.now)}" if coming else ""


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)
