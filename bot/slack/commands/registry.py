"""Every verb in one list, the source of the help, of the suggestions for a typo, and of the dispatch."""

from __future__ import annotations

from difflib import get_close_matches

from bot.slack.commands import airflow_parts, audit, clear_mark, dags, history, incidents, logs, runs, show, variables
from bot.slack.commands.request import Ask, Verb
from bot.slack.replies import replies
from bot.slack.text.block_kit import Message

LOOK, PARTS, PAST, ALERTS = "Look", "Inside Airflow", "Looking back", "Alerts"
READING: tuple[Verb, ...] = (
    Verb("status", "", "how Airflow is, and what is open", show.status, LOOK, examples=("status",)),
    Verb("open", "[mine]", "the open alerts", show.open_alerts, LOOK, examples=("open", "open mine")),
    Verb("show", "REF", "an alert, a DAG, a run or a task in full", show.show, LOOK, ("timeline", "history"),
         ("show A-12", "show sales_daily", "show sales_daily.load[7]")),
    Verb("runs", "DAG [state]", "the newest runs of a DAG", runs.runs, LOOK,
         examples=("runs sales_daily", "runs sales_daily failed")),
    Verb("tasks", "DAG@RUN", "a run as a tree", runs.tasks, LOOK, ("tree",),
         ("tasks sales_daily", "tasks sales_daily@manual__2026-11-22", "tasks A-12")),
    Verb("logs", "REF [50]", "the last error of a log, and its last lines", logs.logs, LOOK, ("log",),
         ("logs A-12", "logs sales_daily.load", "logs sales_daily.load[7]@manual__2026-11-22 50", "logs A-12 try 2",
          "logs A-12 file")),
    Verb("health", "[CHECK]", "what beats, what the checks found; one check, asked now", airflow_parts.health, PARTS,
         ("checks",), ("health", "health scheduler-heartbeat")),
    Verb("jobs", "", "schedulers, triggerers, DAG processors", airflow_parts.jobs, PARTS, examples=("jobs",)),
    Verb("zombies", "", "running tasks without a heartbeat", airflow_parts.zombies, PARTS, examples=("zombies",)),
    Verb("pools", "", "who fills them, who waits", airflow_parts.pools, PARTS, ("pool",), ("pools",)),
    Verb("import-errors", "", "DAG files that do not import", airflow_parts.import_errors, PARTS, ("imports", "import-error"),
         ("import-errors",)),
    Verb("variable", "get|set KEY", "its value; never a secret", variables.variable, PARTS, ("variables", "var"),
         ("variable get batch_size", "variable set batch_size 500")),
    Verb("connection", "test|get ID", "does it connect; never a password", variables.connection, PARTS,
         ("connections", "conn"), ("connection test warehouse", "connection get warehouse")),
    Verb("slow", "[2d]", "tasks that take longer than before", history.slow, PAST, examples=("slow", "slow 2d")),
    Verb("report", "DAG [7d]", "success rate, p95, failures, slowest tasks", history.report, PAST,
         examples=("report sales_daily", "report sales_daily 30d")),
    Verb("oncall", "", "who is on call in PagerDuty", airflow_parts.on_call, ALERTS, ("on-call",), ("oncall",)),
    Verb("whoami", "", "your role", show.whoami, examples=("whoami",)),
)  # fmt: skip

_ACT, _ALERTS = "Act: shows the exact list first", ALERTS
HEADINGS = (LOOK, PARTS, PAST, _ACT, _ALERTS)


def help_(ask: Ask) -> Message:
    """All verbs, or one with its examples."""
    verb = find(ask.words[0].lower()) if ask.words else None
    if verb is not None:
        return replies.verb_help(f"{verb.name} {verb.usage}".strip(), verb.sentence, verb.examples, verb.aliases)
    if ask.words:
        return typo(ask.words[0])
    groups = [
        (
            heading or "More",
            [(f"{verb.name} {verb.usage}".strip(), verb.sentence) for verb in VERBS if verb.group == heading],
        )
        for heading in (*HEADINGS, "")
    ]
    return replies.help([group for group in groups if group[1]])


VERBS: tuple[Verb, ...] = (
    *READING,
    Verb("clear", "REF [failed] [downstream]", "run again", clear_mark.clear, _ACT, ("retry", "rerun"),
         ("clear A-12", "clear sales_daily.load", "clear sales_daily.load[7]@latest downstream", "clear sales_daily@last-failed",
          "clear sales_daily from monday to yesterday", "clear sales_daily all dry")),
    Verb("mark", "REF success|failed|skipped", "without running", clear_mark.mark, _ACT,
         ("mark-success", "mark-failed", "mark-skipped"),
         ("mark sales_daily.load success", "mark-success A-12", "mark sales_daily@latest failed")),
    Verb("pause", "DAG [for 2h] [reason]", "stop starting new runs", dags.pause, _ACT,
         examples=("pause sales_daily bad data", "pause sales_daily for 2h warehouse maintenance")),
    Verb("unpause", "DAG", "start runs again", dags.unpause, _ACT, examples=("unpause sales_daily",)),
    Verb("trigger", "DAG [key=value]", "start a run", dags.trigger, _ACT, ("run",),
         ("trigger sales_daily", "trigger sales_daily day=2026-11-21", 'trigger sales_daily conf={"day": "2026-11-21"}')),
    Verb("backfill", "DAG from D to D [failed]", "a run for every date", dags.backfill, _ACT,
         examples=("backfill sales_daily from 2026-11-01 to 2026-11-07", "backfill sales_daily from monday to yesterday failed")),
    Verb("ack", "A-12", "you have it, it stops ringing", incidents.ack, _ALERTS, ("acknowledge", "take"), ("ack A-12",)),
    Verb("resolve", "A-12 [note]", "it is over", incidents.resolve, _ALERTS, examples=("resolve A-12 disk was full",)),
    Verb("silence", "MATCH for 2h reason", "ring nobody", incidents.silence, _ALERTS, ("mute",),
         ("silence A-12 for 2h maintenance", "silence sales_daily for 1d backfill")),
    Verb("escalate", "A-12 [reason]", "ring the person on call", incidents.escalate, _ALERTS, ("page",), ("escalate A-12",)),
    Verb("runbook", "[NAME|A-12]", "what to do", show.runbook, _ALERTS, ("runbooks",), ("runbook A-12", "runbook")),
    Verb("unack", "A-12", "give it back", incidents.unack, _ALERTS, aliases=("unacknowledge",), examples=("unack A-12",)),
    Verb("reopen", "A-12", "it is not over", incidents.reopen, _ALERTS, examples=("reopen A-12",)),
    Verb("silences", "", "what is quiet, until when", incidents.silences, _ALERTS, examples=("silences",)),
    Verb("unsilence", "S-3", "end a silence", incidents.unsilence, _ALERTS, examples=("unsilence S-3",)),
    Verb("digest", "[today]", "a day in a few lines", history.digest, PAST, examples=("digest", "digest today")),
    Verb("audit", "[REF|@person]", "who did what, the newest first", audit.audit, PAST,
         examples=("audit", "audit A-12", "audit @ana", "audit sales_daily")),
    Verb("break-glass", "30m reason", "a role beyond yours, said loudly", audit.break_glass,
         examples=("break-glass 30m the month-end load stands still", "break-glass end", "break-glass")),
    Verb("help", "[VERB]", "this, or one verb with examples", help_, examples=("help", "help clear")),
)  # fmt: skip
_BY_NAME = {name: verb for verb in VERBS for name in (verb.name, *verb.aliases)}


def find(name: str) -> Verb | None:
    return _BY_NAME.get(name)


def typo(text: str) -> Message:
    """The nearest verbs, as buttons that run the corrected command."""
    first, _, rest = text.partition(" ")
    near = get_close_matches(first.lower(), _BY_NAME, 3, 0.5)
    # `mark-failed` includes the state; any other alias is replaced by its verb
    names = list(dict.fromkeys(name if name.startswith("mark-") else _BY_NAME[name].name for name in near))
    return replies.typo(first, [f"{name} {rest}".strip() for name in names[:1]], names[1:])


def answer(ask: Ask) -> Message:
    """The answer to a command, for this person only."""
    verb = find(ask.command.verb)
    if verb is None:
        return typo(ask.command.text)
    if ask.words and ask.words[0].lower() == "help":
        return replies.verb_help(f"{verb.name} {verb.usage}".strip(), verb.sentence, verb.examples, verb.aliases)
    return verb.run(ask)
