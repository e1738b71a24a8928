"""Every verb in one list; help, the nearest verbs of a typo, and the dispatch are made of it."""

from __future__ import annotations

from difflib import get_close_matches

from bot.slack import answers
from bot.slack.kit import Message
from bot.slack.verbs import act, alerts, look
from bot.slack.verbs.ask import Ask, Verb

HEADINGS = ("Look", "Act: shows the exact list first", "Alerts")
_LOOK, _ACT, _ALERTS = HEADINGS


def help_(ask: Ask) -> Message:
    """All verbs, or one with its examples."""
    verb = find(ask.words[0].lower()) if ask.words else None
    if verb is not None:
        return answers.verb_help(f"{verb.name} {verb.usage}".strip(), verb.sentence, verb.examples, verb.aliases)
    if ask.words:
        return typo(ask.words[0])
    groups = [
        (heading, [(f"{verb.name} {verb.usage}".strip(), verb.sentence) for verb in VERBS if verb.group == heading])
        for heading in HEADINGS
    ]
    return answers.help(groups, [verb.name for verb in VERBS if not verb.group])


VERBS: tuple[Verb, ...] = (
    Verb("status", "", "how Airflow is, and what is open", look.status, _LOOK, examples=("status",)),
    Verb("open", "[mine]", "the open alerts", look.open_alerts, _LOOK, examples=("open", "open mine")),
    Verb("show", "A-12", "an alert's timeline in full", look.show, _LOOK, ("timeline", "history"), ("show A-12",)),
    Verb("tasks", "DAG[@RUN]", "a run's task instances", look.tasks, _LOOK, examples=("tasks sales_daily", "tasks A-12")),
    Verb("logs", "REF [50]", "the last lines of a log", look.logs, _LOOK, ("log",),
         ("logs A-12", "logs sales_daily.load", "logs sales_daily.load[7]@manual__2026-11-22 50")),
    Verb("health", "", "what beats, what is silent, what the checks found", look.health, _LOOK, ("checks",), ("health",)),
    Verb("clear", "REF [failed] [downstream]", "run again", act.clear, _ACT, ("retry", "rerun"),
         ("clear A-12", "clear sales_daily.load", "clear sales_daily.load downstream", "clear sales_daily failed")),
    Verb("mark", "REF success|failed|skipped", "without running", act.mark, _ACT,
         ("mark-success", "mark-failed", "mark-skipped"), ("mark sales_daily.load success", "mark-success A-12")),
    Verb("pause", "DAG [reason]", "stop starting new runs", act.pause, _ACT, examples=("pause sales_daily bad data",)),
    Verb("unpause", "DAG", "start runs again", act.unpause, _ACT, examples=("unpause sales_daily",)),
    Verb("trigger", "DAG [key=value]", "start a run", act.trigger, _ACT, ("run",),
         ("trigger sales_daily", "trigger sales_daily day=2026-11-21", 'trigger sales_daily conf={"day": "2026-11-21"}')),
    Verb("ack", "A-12", "you have it, it stops ringing", alerts.ack, _ALERTS, ("acknowledge", "take"), ("ack A-12",)),
    Verb("resolve", "A-12 [note]", "it is over", alerts.resolve, _ALERTS, examples=("resolve A-12 disk was full",)),
    Verb("silence", "MATCH for 2h reason", "ring nobody", alerts.silence, _ALERTS, ("mute",),
         ("silence A-12 for 2h maintenance", "silence sales_daily for 1d backfill")),
    Verb("escalate", "A-12 [reason]", "ring the person on call", alerts.escalate, _ALERTS, ("page",), ("escalate A-12",)),
    Verb("runbook", "[NAME|A-12]", "what to do", look.runbook, _ALERTS, ("runbooks",), ("runbook A-12", "runbook")),
    Verb("unack", "A-12", "give it back", alerts.unack, aliases=("unacknowledge",), examples=("unack A-12",)),
    Verb("reopen", "A-12", "it is not over", alerts.reopen, examples=("reopen A-12",)),
    Verb("silences", "", "what is quiet, until when", alerts.silences, examples=("silences",)),
    Verb("unsilence", "S-3", "end a silence", alerts.unsilence, examples=("unsilence S-3",)),
    Verb("whoami", "", "your role", look.whoami, examples=("whoami",)),
    Verb("help", "[VERB]", "this, or one verb with examples", help_, examples=("help", "help clear")),
)  # fmt: skip
_BY_NAME = {name: verb for verb in VERBS for name in (verb.name, *verb.aliases)}


def find(name: str) -> Verb | None:
    return _BY_NAME.get(name)


def typo(text: str) -> Message:
    """The nearest verbs, as buttons that run what was meant."""
    first, _, rest = text.partition(" ")
    near = get_close_matches(first.lower(), _BY_NAME, 3, 0.5)
    names = list(dict.fromkeys(_BY_NAME[name].name for name in near))
    return answers.typo(first, [f"{name} {rest}".strip() for name in names[:1]], names[1:])


def answer(ask: Ask) -> Message:
    """What a command is answered with, to the person alone."""
    verb = find(ask.command.verb)
    if verb is None:
        return typo(ask.command.text)
    if ask.words and ask.words[0].lower() == "help":
        return answers.verb_help(f"{verb.name} {verb.usage}".strip(), verb.sentence, verb.examples, verb.aliases)
    return verb.run(ask)
