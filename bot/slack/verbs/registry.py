"""Every verb in one list; help, the nearest verbs of a typo, and the dispatch are made of it."""

from __future__ import annotations

from difflib import get_close_matches

from bot.slack import answers
from bot.slack.kit import Message
from bot.slack.verbs import act, act_dags, alerts, audits, digests, look
from bot.slack.verbs.ask import Ask, Verb
from bot.slack.verbs.reading import ALERTS, LOOK, PARTS, PAST, READING

_ACT, _ALERTS = "Act: shows the exact list first", ALERTS
HEADINGS = (LOOK, PARTS, PAST, _ACT, _ALERTS)


def help_(ask: Ask) -> Message:
    """All verbs, or one with its examples."""
    verb = find(ask.words[0].lower()) if ask.words else None
    if verb is not None:
        return answers.verb_help(f"{verb.name} {verb.usage}".strip(), verb.sentence, verb.examples, verb.aliases)
    if ask.words:
        return typo(ask.words[0])
    groups = [
        (
            heading or "More",
            [(f"{verb.name} {verb.usage}".strip(), verb.sentence) for verb in VERBS if verb.group == heading],
        )
        for heading in (*HEADINGS, "")
    ]
    return answers.help([group for group in groups if group[1]])


VERBS: tuple[Verb, ...] = (
    *READING,
    Verb("clear", "REF [failed] [downstream]", "run again", act.clear, _ACT, ("retry", "rerun"),
         ("clear A-12", "clear sales_daily.load", "clear sales_daily.load[7]@latest downstream", "clear sales_daily@last-failed",
          "clear sales_daily from monday to yesterday", "clear sales_daily all dry")),
    Verb("mark", "REF success|failed|skipped", "without running", act.mark, _ACT,
         ("mark-success", "mark-failed", "mark-skipped"),
         ("mark sales_daily.load success", "mark-success A-12", "mark sales_daily@latest failed")),
    Verb("pause", "DAG [for 2h] [reason]", "stop starting new runs", act_dags.pause, _ACT,
         examples=("pause sales_daily bad data", "pause sales_daily for 2h warehouse maintenance")),
    Verb("unpause", "DAG", "start runs again", act_dags.unpause, _ACT, examples=("unpause sales_daily",)),
    Verb("trigger", "DAG [key=value]", "start a run", act_dags.trigger, _ACT, ("run",),
         ("trigger sales_daily", "trigger sales_daily day=2026-11-21", 'trigger sales_daily conf={"day": "2026-11-21"}')),
    Verb("backfill", "DAG from D to D [failed]", "a run for every date", act_dags.backfill, _ACT,
         examples=("backfill sales_daily from 2026-11-01 to 2026-11-07", "backfill sales_daily from monday to yesterday failed")),
    Verb("ack", "A-12", "you have it, it stops ringing", alerts.ack, _ALERTS, ("acknowledge", "take"), ("ack A-12",)),
    Verb("resolve", "A-12 [note]", "it is over", alerts.resolve, _ALERTS, examples=("resolve A-12 disk was full",)),
    Verb("silence", "MATCH for 2h reason", "ring nobody", alerts.silence, _ALERTS, ("mute",),
         ("silence A-12 for 2h maintenance", "silence sales_daily for 1d backfill")),
    Verb("escalate", "A-12 [reason]", "ring the person on call", alerts.escalate, _ALERTS, ("page",), ("escalate A-12",)),
    Verb("runbook", "[NAME|A-12]", "what to do", look.runbook, _ALERTS, ("runbooks",), ("runbook A-12", "runbook")),
    Verb("unack", "A-12", "give it back", alerts.unack, _ALERTS, aliases=("unacknowledge",), examples=("unack A-12",)),
    Verb("reopen", "A-12", "it is not over", alerts.reopen, _ALERTS, examples=("reopen A-12",)),
    Verb("silences", "", "what is quiet, until when", alerts.silences, _ALERTS, examples=("silences",)),
    Verb("unsilence", "S-3", "end a silence", alerts.unsilence, _ALERTS, examples=("unsilence S-3",)),
    Verb("digest", "[today]", "a day in a few lines", digests.digest, PAST, examples=("digest", "digest today")),
    Verb("audit", "[REF|@person]", "who did what, the newest first", audits.audit, PAST,
         examples=("audit", "audit A-12", "audit @ana", "audit sales_daily")),
    Verb("break-glass", "30m reason", "a role beyond yours, said loudly", audits.break_glass,
         examples=("break-glass 30m the month-end load stands still", "break-glass end", "break-glass")),
    Verb("help", "[VERB]", "this, or one verb with examples", help_, examples=("help", "help clear")),
)  # fmt: skip
_BY_NAME = {name: verb for verb in VERBS for name in (verb.name, *verb.aliases)}


def find(name: str) -> Verb | None:
    return _BY_NAME.get(name)


def typo(text: str) -> Message:
    """The nearest verbs, as buttons that run what was meant."""
    first, _, rest = text.partition(" ")
    near = get_close_matches(first.lower(), _BY_NAME, 3, 0.5)
    # `mark-failed` says what it marks as; any other alias is its verb
    names = list(dict.fromkeys(name if name.startswith("mark-") else _BY_NAME[name].name for name in near))
    return answers.typo(first, [f"{name} {rest}".strip() for name in names[:1]], names[1:])


def answer(ask: Ask) -> Message:
    """What a command is answered with, to the person alone."""
    verb = find(ask.command.verb)
    if verb is None:
        return typo(ask.command.text)
    if ask.words and ask.words[0].lower() == "help":
        return answers.verb_help(f"{verb.name} {verb.usage}".strip(), verb.sentence, verb.examples, verb.aliases)
    return verb.run(ask)
