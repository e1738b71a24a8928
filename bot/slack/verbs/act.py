"""Verbs that change Airflow: clear, mark, pause, unpause, trigger. Each ends in a preview; nothing is changed before it
is confirmed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.core.action import Plan
from bot.core.deployment import Scope, TaskRef
from bot.core.errors import Refused
from bot.responder import plan as plans
from bot.responder.find import Target
from bot.slack import answers, grammar
from bot.slack.kit import Message
from bot.slack.verbs.ask import Ask, missing, refused, target

_STATES = {"success": "success", "failed": "failed", "skipped": "skipped", "succeeded": "success", "fail": "failed"}


def preview(ask: Ask, planned: Plan | Refused, verb: str) -> Message:
    """The list to confirm, or why there is none."""
    if isinstance(planned, Refused):
        return refused(ask, planned, verb)
    return answers.preview(planned, ask.desk.clock())


def clear(ask: Ask) -> Message:
    """Run task instances again: of an alert, a task, or a run."""
    if not ask.words:
        return missing(ask, "an alert, a task or a run")
    ref = grammar.ref(ask.words[0])
    if isinstance(ref, Refused):
        return refused(ask, ref, "clear")
    if ref.incident is not None and not ask.said("downstream", "upstream", "all"):
        return preview(ask, plans.plan_retry(ask.desk, ask.person, ref.incident, ask.channel), "clear")
    found = _allowed_target(ask, ref, "clear", needs_run=True)
    if isinstance(found, Refused):
        return refused(ask, found, "clear")
    assert found.run is not None  # noqa: S101 - asked for with needs_run
    # a whole run without a word more means what failed in it: nobody runs what succeeded again by accident
    only_failed = ask.said("failed") or (not found.task_id and not ask.said("all"))
    scope = Scope(
        found.dag_id, found.run.run_id, ((found.task_id, found.map_index),) if found.task_id else (),
        only_failed=only_failed, downstream=ask.said("downstream"), upstream=ask.said("upstream"),
    )  # fmt: skip
    planned = plans.plan_clear(ask.desk, ask.person, found.airflow.name, (scope,), ask.channel, ref.incident)
    return preview(ask, planned, "clear")


def mark(ask: Ask) -> Message:
    """Set a task instance's state without running it."""
    state = next((_STATES[word.lower()] for word in ask.words[1:] if word.lower() in _STATES), "")
    if ask.command.verb.startswith("mark-"):
        state = _STATES.get(ask.command.verb.removeprefix("mark-"), "")
    if not ask.words or not state:
        return missing(ask, "a task and a state: success, failed or skipped")
    reason = " ".join(word for word in ask.words[1:] if word.lower() not in _STATES)
    ref = grammar.ref(ask.words[0])
    if isinstance(ref, Refused):
        return refused(ask, ref, "mark")
    if ref.incident is not None:
        return preview(ask, mark_alert(ask, ref.incident, state, reason), "mark")
    found = _allowed_target(ask, ref, "mark", needs_run=True)
    if isinstance(found, Refused):
        return refused(ask, found, "mark")
    if not found.task_id or found.run is None:
        return missing(ask, "a task, such as dag.task")
    refs = [TaskRef(found.dag_id, found.run.run_id, found.task_id, -1 if found.map_index is None else found.map_index)]
    planned = plans.plan_mark(ask.desk, ask.person, found.airflow.name, refs, state, ask.channel, None, reason)
    return preview(ask, planned, "mark")


def mark_alert(ask: Ask, incident_id: int, state: str, reason: str = "") -> Plan | Refused:
    """Everything of an alert that is still sick."""
    found = plans.sick_tasks(ask.desk, incident_id)
    if isinstance(found, Refused):
        return found
    deployment, refs = found
    return plans.plan_mark(ask.desk, ask.person, deployment, refs, state, ask.channel, incident_id, reason)


def pause(ask: Ask) -> Message:
    return _pause(ask, True)


def unpause(ask: Ask) -> Message:
    return _pause(ask, False)


def _pause(ask: Ask, paused: bool) -> Message:
    verb = "pause" if paused else "unpause"
    if not ask.words:
        return missing(ask, "a DAG")
    ref = grammar.ref(ask.words[0])
    found = ref if isinstance(ref, Refused) else _allowed_target(ask, ref, verb)
    if isinstance(found, Refused):
        return refused(ask, found, verb)
    incident = None if isinstance(ref, Refused) else ref.incident
    planned = plans.plan_pause(ask.desk, ask.person, found.airflow.name, [found.dag_id], paused, ask.channel, incident,
                               " ".join(ask.words[1:]))  # fmt: skip
    return preview(ask, planned, verb)


def trigger(ask: Ask) -> Message:
    """Start a run, with conf as key=value or as JSON."""
    if not ask.words:
        return missing(ask, "a DAG")
    conf = conf_of(ask)
    if isinstance(conf, Refused):
        return refused(ask, conf, "trigger")
    ref = grammar.ref(ask.words[0])
    found = ref if isinstance(ref, Refused) else _allowed_target(ask, ref, "trigger")
    if isinstance(found, Refused):
        return refused(ask, found, "trigger")
    return preview(
        ask, plans.plan_trigger(ask.desk, ask.person, found.airflow.name, found.dag_id, conf, ask.channel), "trigger"
    )


def conf_of(ask: Ask) -> Mapping[str, Any] | Refused:
    """`conf={…}` wins; else every key=value, where a value that is JSON is taken as JSON."""
    start = ask.command.text.find("conf=")
    if start >= 0:
        return _json_conf(ask.command.text[start + len("conf=") :].strip().strip("'"))
    pairs = [word.partition("=") for word in ask.words[1:]]
    wrong = [key for key, equals, _ in pairs if not equals]
    if wrong:
        return Refused(f"Nothing was changed. `{wrong[0][:60]}` is no key=value.", "help trigger")
    return {key: _value(text) for key, _, text in pairs}


def _json_conf(text: str) -> Mapping[str, Any] | Refused:
    try:
        conf = json.loads(text)
    except ValueError as error:
        place = getattr(error, "pos", 0)
        shown = text[max(0, place - 30) : place + 20].replace("\n", " ")
        caret = " " * min(30, place) + "^"
        return Refused(f"Nothing was changed. The conf is no JSON: {error}\n```{shown}\n{caret}```", "help trigger")
    if not isinstance(conf, dict):
        return Refused("Nothing was changed. The conf must be a JSON object, {…}.", "help trigger")
    return conf


def _value(text: str) -> Any:
    text = text.strip("\"'")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _allowed_target(ask: Ask, ref: grammar.Ref, verb: str, *, needs_run: bool = False) -> Target | Refused:
    """The role is asked for first: a refusal tells nothing about what there is."""
    return plans.may(ask.desk, ask.person, verb, ask.command.rest) or target(ask, ref, needs_run=needs_run)
