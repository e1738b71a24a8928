"""App Home as blocks: alerts that need attention, yours, silences, your last actions and how to undo them, Airflow's
health.

Home stays open for hours, so it shows times of day, not ages. A button is shown only if the user may press it; the
newest comes first.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.audit import Line
from bot.core.incidents.routing import Silence
from bot.core.incidents.view import View
from bot.core.remediation import ACTIVE, FAILED, Progress, Remediation
from bot.responder.lookups.home import DeploymentHealth, Home
from bot.slack.alert import action_words
from bot.slack.alert.buttons import has_task
from bot.slack.alert.headline import spoken
from bot.slack.alert.stage import sign
from bot.slack.text.block_kit import Block, actions, button, context, divider, header, section
from bot.slack.text.limits import fit_view
from bot.slack.text.words import at, code, count, cut_middle, foreign, joined, listed, quoted

_MOST, _MOST_DEEDS = 10, 5
_UNDO = {"pause": "unpause", "unpause": "pause", "acknowledge": "unack", "resolve": "reopen", "reopen": "resolve",
         "silence": "unsilence"}  # fmt: skip
_DID = {"acknowledge": "took", "unacknowledge": "gave back", "resolve": "resolved", "reopen": "reopened",
        "silence": "silenced", "unsilence": "ended", "escalate": "escalated"}  # fmt: skip
_PARTS = {"dag_processor": "DAG processor", "metadatabase": "metastore"}


def draw(home: Home, beats: Sequence[DeploymentHealth]) -> Block:
    """The view. `beats` are how the deployments were when they were last asked, empty when they were not yet."""
    blocks: list[Block | None] = [
        header(_head(home)), *(_needs(view, home) for view in home.needing[:_MOST]), _more(home),
        *_part("Yours", [_mine(view, home) for view in home.mine[:_MOST]]),
        *_part("Quiet on purpose", [_quiet(one, home) for one in home.silences[:_MOST]]),
        *_part("What you did last", [section("\n".join(_deeds(home)))]),
        *_part("Airflow", [section("\n".join(_beat(one) for one in beats))]),
        actions("more", button("open", "All open alerts", "open"), button("status", "Status", "status"),
                button("help", "Help", "help")),
        context(joined(_roles(home), f"checked {at(home.now)}")),
    ]  # fmt: skip
    return fit_view({"type": "home", "callback_id": "home", "blocks": [block for block in blocks if block]})


def _part(title: str, rows: Sequence[Block | None]) -> list[Block | None]:
    shown = [row for row in rows if row]
    return [divider(), section(f"*{title}*"), *shown] if shown else []


def _head(home: Home) -> str:
    number = len(home.needing)
    if not number:
        return "No alert needs somebody"
    return f"{count(number, 'alert')} {'needs' if number == 1 else 'need'} somebody"


def _more(home: Home) -> Block | None:
    left = len(home.needing) - _MOST
    held = f"{count(home.others, 'alert')} {'is' if home.others == 1 else 'are'} with others" if home.others else ""
    return context(joined(f"+{left} more" if left > 0 else "", held))


def _title(view: View) -> str:
    head, happened, why = spoken(view)
    said = f"{cut_middle(head, 120)}{happened}" + (f": {why}" if why else "")
    return f"{sign(view)} *{foreign(said, 300)}*"


def _where(view: View) -> str:
    return foreign(view.incident.deployment, 60) if view.several_deployments else ""


def _needs(view: View, home: Home) -> Block | None:
    incident = view.incident
    rang = f"{foreign(view.pager, 40)} rang" if view.page_said == "trigger" else ""
    since = f"since {at(incident.reopened_at or incident.opened_at, home.now)}"
    facts = joined(incident.name, _where(view), since, "nobody has it", rang)
    press = button("acknowledge", "Acknowledge", incident.name, style="primary", spoken=f"Acknowledge {incident.name}")
    return section(f"{_title(view)}\n{facts}", press if "acknowledge" in home.may else None)


def _mine(view: View, home: Home) -> Block | None:
    incident = view.incident
    since = f"yours since {at(incident.held_at, home.now)}" if incident.held_at else "yours"
    waiting = view.context.get("waiting")
    waits = (
        f"{count(waiting, 'task')} {'waits' if waiting == 1 else 'wait'}"
        if isinstance(waiting, int) and waiting
        else ""
    )
    facts = joined(incident.name, _where(view), since, waits)
    return section(f"{_title(view)}\n{facts}", _next(view, home))


def _next(view: View, home: Home) -> Block | None:
    name, about = view.incident.name, cut_middle(spoken(view)[0], 40)
    if "clear" in home.may and view.can_act and has_task(view):
        label = "Retry all" if view.is_storm else "Retry"
        return button("retry", label, name, spoken=f"Retry {about}, shows the list first")
    if "resolve" in home.may:
        return button("resolve", "Resolve", name, spoken=f"Resolve {name}, asks for a note")
    return None


def _quiet(silence: Silence, home: Home) -> Block | None:
    kind, _, what = silence.scope.partition(":")
    scope = {"dag": f"all of {code(what)}", "signature": f"one cause {code(what, 20)}"}.get(kind, code(what or kind))
    where = foreign(silence.deployment, 60) if _several(home) else ""
    facts = joined(f"until {at(silence.until, home.now)}", f"{foreign(silence.by, 40)}: {quoted(silence.reason, 150)}")
    name = f"S-{silence.id}"
    end = button("unsilence", "End it now", name, spoken=f"End silence {name} now") if "unsilence" in home.may else None
    return section(f"🔕 *{name}* {joined(scope, where)} {facts}", end)


def _deeds(home: Home) -> list[str]:
    told = [(one.asked_at, _did(one, _several(home))) for one in home.remediations] + [
        (one.at, _pressed(one)) for one in home.presses
    ]
    newest = sorted(told, key=lambda pair: pair[0], reverse=True)[:_MOST_DEEDS]
    return [f"{at(moment, home.now)}  {text}" for moment, text in newest]


def _several(home: Home) -> bool:
    """Whether the deployment must be named."""
    return len(home.roles) > 1


def _did(done: Remediation, several: bool) -> str:
    where = done.plan.deployment if several else ""
    if done.progress in FAILED:
        bold, why = action_words.not_done(done)
        said = f"{action_words.act(done.plan, action_words.DO, code)}: {bold.rstrip(':').lower()}"
        return joined(said, foreign(where, 60), foreign(why, 120))
    form = (
        action_words.DOING if done.progress in ACTIVE and done.progress is not Progress.watching else action_words.DONE
    )
    undo = _UNDO.get(done.plan.action, "")
    named = action_words.dags(done.plan)
    place = f"{where}:" if where else ""
    how = f"undo: {code(f'/airflow {undo} {place}{named[0]}')}" if undo and len(named) == 1 else ""
    return joined(action_words.act(done.plan, form, code), foreign(where, 60), how)


def _pressed(line: Line) -> str:
    """A press: a silence is named by its own id, everything else by its alert's."""
    name = line.outcome if line.verb == "silence" else line.argument.split(" ")[0]
    undo = _UNDO.get(line.verb, "")
    return joined(
        f"{_DID[line.verb]} {foreign(name, 20)}", f"undo: {code(f'/airflow {undo} {name}', 60)}" if undo else ""
    )


def _beat(one: DeploymentHealth) -> str:
    name = foreign(one.deployment, 60)
    if one.trouble:
        return f"⚠️ *{name} does not answer*: {foreign(one.trouble, 200)}"
    if one.silent:
        parts = listed(foreign(_PARTS.get(part, part), 40) for part in one.silent)
        return f"✗ *{name}*: {parts} {'is' if len(one.silent) == 1 else 'are'} silent"
    return f"✓ {name} is well"


def _roles(home: Home) -> str:
    roles = {role.name for _, role in home.roles}
    if len(roles) == 1:
        where = f" in {foreign(home.roles[0][0], 60)}" if len(home.roles) == 1 and home.roles[0][0] else ""
        return f"You are *{roles.pop()}*{where}"
    return f"You are {listed(f'*{role.name}* in {foreign(name, 60)}' for name, role in home.roles)}"
