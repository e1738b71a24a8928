"""Verbs that run task instances again or set their state: clear and mark. Each ends in a preview; nothing is changed
before it is confirmed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.core.access import ANYWHERE, About
from bot.core.airflow.protocol import Run, Scope
from bot.core.errors import Refused
from bot.core.remediation import Plan
from bot.responder.access import authorization
from bot.responder.actions.clear import plan_clear, plan_retry, runs_within, sick_tasks
from bot.responder.actions.draft import Window
from bot.responder.actions.mark import plan_mark, plan_mark_run, plan_mark_scopes
from bot.responder.lookups.find import Target
from bot.slack.commands import grammar, links
from bot.slack.commands.request import Ask, missing, not_there, place_of, refused, target
from bot.slack.replies import preview as preview_reply
from bot.slack.text.block_kit import Message

_STATES = {"success": "success", "failed": "failed", "skipped": "skipped", "succeeded": "success", "fail": "failed"}
_CLEAR_WORDS = frozenset({"failed", "downstream", "upstream", "all", "dry"})


def preview(ask: Ask, planned: Plan | Refused, verb: str) -> Message:
    """The list to confirm, or the reason why there is none; with `dry` only the list."""
    if isinstance(planned, Refused):
        return refused(ask, planned, verb)
    return preview_reply.preview(planned, ask.services.clock(), dry=ask.said("dry"), where=place_of(ask, planned))


def clear(ask: Ask) -> Message:
    """Runs task instances again: of an alert, a task, a run, or every run in a window."""
    if not ask.words:
        return missing(ask, "an alert, a task or a run")
    ref = grammar.ref(ask.words[0])
    said = grammar.window(ask.command, ask.words[1:], ask.services.clock())
    odd = _odd(ask, said.rest if isinstance(said, grammar.Said) else ask.words[1:], _CLEAR_WORDS)
    elsewhere = None if isinstance(ref, Refused) else not_there(ask, ref)
    wrong = next((one for one in (ref, said, odd, elsewhere) if isinstance(one, Refused)), None)
    if wrong is not None or isinstance(ref, Refused):
        return refused(ask, wrong or odd or Refused(""), "clear")
    if (
        ref.incident is not None
        and not isinstance(said, grammar.Said)
        and not ask.said("downstream", "upstream", "all")
    ):
        return preview(ask, plan_retry(ask.services, ask.person, ref.incident, ask.channel), "clear")
    if isinstance(said, grammar.Said):
        return _clear_window(ask, replace(ref, run=""), Window(said.start, said.end))
    found = allowed_target(ask, ref, "clear", needs_run=True)
    if isinstance(found, Refused):
        return refused(ask, found, "clear")
    runs = [found.run] if found.run is not None else []
    return preview(ask, _plan_clear(ask, found, runs, ref.incident), "clear")


def _clear_window(ask: Ask, ref: links.Ref, window: Window) -> Message:
    """Clears in every run of a window."""
    found = allowed_target(ask, ref, "clear")
    if isinstance(found, Refused):
        return refused(ask, found, "clear")
    runs = runs_within(found.airflow, found.dag_id, window)
    if isinstance(runs, Refused):
        return refused(ask, runs, "clear")
    return preview(ask, _plan_clear(ask, found, runs, ref.incident), "clear")


def _plan_clear(ask: Ask, found: Target, runs: Iterable[Run], incident_id: int | None) -> Plan | Refused:
    # a run without options clears only what failed in it, so that successful tasks don't run again by accident
    only_failed = ask.said("failed") or (not found.task_id and not ask.said("all"))
    tasks = ((found.task_id, found.map_index),) if found.task_id else ()
    scopes = [
        Scope(found.dag_id, run.run_id, tasks, only_failed=only_failed, downstream=ask.said("downstream"),
              upstream=ask.said("upstream"))
        for run in runs
    ]  # fmt: skip
    return plan_clear(ask.services, ask.person, found.airflow.name, scopes, ask.channel, incident_id)


def _odd(ask: Ask, words: Iterable[str], known: frozenset[str]) -> Refused | None:
    """Refuses a word that is not an option; it may have been meant to narrow the list."""
    odd = next((word for word in words if word.lower() not in known), None)
    if odd is None:
        return None
    return grammar.fault(ask.command, odd, f"`{odd[:60]}` isn't an option of `{ask.command.verb}`", last=True)


def mark(ask: Ask) -> Message:
    """Sets the state of a task instance or a run, without running it."""
    state = next((_STATES[word.lower()] for word in ask.words[1:] if word.lower() in _STATES), "")
    if ask.command.verb.startswith("mark-"):
        state = _STATES.get(ask.command.verb.removeprefix("mark-"), "")
    if not ask.words or not state:
        return missing(ask, "a task or a run, and a state: success, failed or skipped")
    reason = " ".join(word for word in ask.words[1:] if word.lower() not in {*_STATES, "dry", "reason"})
    ref = grammar.ref(ask.words[0])
    elsewhere = ref if isinstance(ref, Refused) else not_there(ask, ref)
    if elsewhere is not None or isinstance(ref, Refused):
        return refused(ask, elsewhere or Refused(""), "mark")
    if ref.incident is not None:
        return preview(ask, mark_alert(ask, ref.incident, state, reason), "mark")
    found = allowed_target(ask, ref, "mark", needs_run=True)
    if isinstance(found, Refused):
        return refused(ask, found, "mark")
    if found.run is None or not (found.task_id or ref.run):
        return missing(ask, "a task or a run, such as dag.task or dag@run")
    return preview(ask, _plan_mark(ask, found, found.run.run_id, state, reason), "mark")


def _plan_mark(ask: Ask, found: Target, run_id: str, state: str, reason: str) -> Plan | Refused:
    where = (ask.services, ask.person, found.airflow.name)
    if not found.task_id:
        return plan_mark_run(*where, found.dag_id, run_id, state, ask.channel, reason)
    scope = Scope(found.dag_id, run_id, ((found.task_id, found.map_index),), only_failed=False)
    return plan_mark_scopes(*where, [scope], state, ask.channel, None, reason)


def mark_alert(ask: Ask, incident_id: int, state: str, reason: str = "") -> Plan | Refused:
    """Plans to mark all of an alert's task instances that are still failing."""
    not_allowed = authorization.may(ask.services, ask.person, "mark", f"A-{incident_id} {state}", incident_id)
    found = not_allowed or sick_tasks(ask.services, incident_id)
    if isinstance(found, Refused):
        return found
    deployment, refs = found
    return plan_mark(ask.services, ask.person, deployment, refs, state, ask.channel, incident_id, reason)


def allowed_target(ask: Ask, ref: links.Ref, verb: str, *, needs_run: bool = False) -> Target | Refused:
    """The target of a REF. The role is checked first, so that a refusal doesn't reveal what exists."""
    about = About(ref.deployment or ANYWHERE, settled=False)
    return authorization.may(ask.services, ask.person, verb, ask.command.rest, about=about) or target(
        ask, ref, needs_run=needs_run
    )
