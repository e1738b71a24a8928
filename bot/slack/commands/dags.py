"""Verbs about DAGs: pause (with an end), unpause, trigger, backfill. Each ends in a preview."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.core.dates import duration
from bot.core.errors import Refused
from bot.core.json_text import read_json
from bot.responder.actions.backfill import plan_backfill
from bot.responder.actions.dags import plan_pause, plan_trigger
from bot.responder.actions.draft import Window
from bot.slack.commands import grammar
from bot.slack.commands.clear_mark import allowed_target, preview
from bot.slack.commands.request import Ask, missing, refused
from bot.slack.text.block_kit import Message

LONGEST_PAUSE = timedelta(days=30)
_RERUN = {"failed": "failed", "completed": "completed", "all": "completed"}


def pause(ask: Ask) -> Message:
    """Stops starting new runs, for a time or until it is unpaused."""
    return _pause(ask, True)


def unpause(ask: Ask) -> Message:
    return _pause(ask, False)


def _pause(ask: Ask, paused: bool) -> Message:
    verb = "pause" if paused else "unpause"
    if not ask.words:
        return missing(ask, "a DAG")
    words = [word for word in ask.words[1:] if word.lower() != "dry"]
    lasts = _lasts(ask, words) if paused else None
    if isinstance(lasts, Refused):
        return refused(ask, lasts, verb)
    reason = " ".join(words[2:] if lasts else words)
    ref = grammar.ref(ask.words[0])
    found = ref if isinstance(ref, Refused) else allowed_target(ask, ref, verb)
    if isinstance(found, Refused):
        return refused(ask, found, verb)
    incident = None if isinstance(ref, Refused) else ref.incident
    planned = plan_pause(ask.services, ask.person, found.airflow.name, [found.dag_id], paused, ask.channel, incident,
                               reason.removeprefix("reason "), lasts)  # fmt: skip
    return preview(ask, planned, verb)


def _lasts(ask: Ask, words: list[str]) -> timedelta | Refused | None:
    """Parses `for 2h` before the reason; None without it."""
    if not words or words[0].lower() != "for":
        return None
    said = words[1] if len(words) > 1 else ""
    lasts = duration(said)
    if lasts is None and not any(sign.isdigit() for sign in said):
        return None  # `pause x for the audit`: the words are a reason
    if lasts is None or not timedelta(minutes=1) <= lasts <= LONGEST_PAUSE:
        return grammar.fault(ask.command, said, f"`{said}` isn't a duration between 1m and 30d, such as 30m, 2h or 1d")
    return lasts


def trigger(ask: Ask) -> Message:
    """Starts a run, with conf as key=value or as JSON."""
    if not ask.words:
        return missing(ask, "a DAG")
    conf = conf_of(ask)
    if isinstance(conf, Refused):
        return refused(ask, conf, "trigger")
    ref = grammar.ref(ask.words[0])
    found = ref if isinstance(ref, Refused) else allowed_target(ask, ref, "trigger")
    if isinstance(found, Refused):
        return refused(ask, found, "trigger")
    return preview(
        ask, plan_trigger(ask.services, ask.person, found.airflow.name, found.dag_id, conf, ask.channel), "trigger"
    )


def conf_of(ask: Ask) -> Mapping[str, Any] | Refused:
    """The conf: `conf={…}` takes precedence; otherwise every key=value, with valid JSON values decoded."""
    start = ask.command.text.find("conf=")
    if start >= 0:
        return _json_conf(ask.command, start + len("conf="))
    pairs = [word.partition("=") for word in ask.words[1:] if word.lower() != "dry"]
    wrong = next((key for key, equals, _ in pairs if not equals or not key), None)
    if wrong is not None:
        return grammar.fault(ask.command, wrong or "=", f"`{wrong[:60]}` isn't key=value", last=True)
    return {key: _value(text) for key, _, text in pairs}


def _json_conf(command: grammar.Command, begin: int) -> Mapping[str, Any] | Refused:
    """Parses the JSON that begins there; only `dry` may follow it."""
    text = command.text
    while begin < len(text) and text[begin] in " '\"" and "{" in text[begin:]:
        begin += 1
    try:
        conf, end = json.JSONDecoder().raw_decode(text[begin:])
    except json.JSONDecodeError as error:
        return grammar.fault_at(command, begin + error.pos, 1, f"The conf isn't valid JSON: {error.msg}")
    if not isinstance(conf, dict):
        return grammar.fault_at(command, begin, end, "The conf must be a JSON object, {…}")
    left = text[begin + end :].strip(" '\"")
    if left and left not in {"dry", "--dry"}:
        return grammar.fault_at(command, begin + end, len(left), "Unexpected text after the conf")
    return conf


def _value(text: str) -> Any:
    text = text.strip("\"'")
    try:
        return read_json(text)
    except ValueError:
        return text


def backfill(ask: Ask) -> Message:
    """Starts a run for every logical date in a window."""
    if not ask.words:
        return missing(ask, "a DAG and a window: from D to D")
    said = grammar.window(ask.command, ask.words[1:], ask.services.clock())
    if said is None:
        return missing(ask, "a window: from D to D")
    if isinstance(said, Refused):
        return refused(ask, said, "backfill")
    odd = next((word for word in said.rest if word.lower() not in {*_RERUN, "dry"}), None)
    if odd is not None:
        return refused(
            ask, grammar.fault(ask.command, odd, f"`{odd[:60]}` isn't an option of `backfill`", last=True), "backfill"
        )
    ref = grammar.ref(ask.words[0])
    found = ref if isinstance(ref, Refused) else allowed_target(ask, ref, "backfill")
    if isinstance(found, Refused):
        return refused(ask, found, "backfill")
    rerun = next((value for word, value in _RERUN.items() if ask.said(word)), "none")
    window = Window(said.start, said.end)
    planned = plan_backfill(ask.services, ask.person, found.airflow.name, found.dag_id, window, rerun, ask.channel)
    return preview(ask, planned, "backfill")
