"""The verbs that read, with what the help says of each; the registry joins them with the others."""

from __future__ import annotations

from bot.slack.verbs import look, see_config, see_logs, see_parts, see_past, see_runs
from bot.slack.verbs.ask import Verb

LOOK, PARTS, PAST, ALERTS = "Look", "Inside Airflow", "Looking back", "Alerts"

READING: tuple[Verb, ...] = (
    Verb("status", "", "how Airflow is, and what is open", look.status, LOOK, examples=("status",)),
    Verb("open", "[mine]", "the open alerts", look.open_alerts, LOOK, examples=("open", "open mine")),
    Verb("show", "REF", "an alert, a DAG, a run or a task in full", look.show, LOOK, ("timeline", "history"),
         ("show A-12", "show sales_daily", "show sales_daily.load[7]")),
    Verb("runs", "DAG [state]", "the newest runs of a DAG", see_runs.runs, LOOK,
         examples=("runs sales_daily", "runs sales_daily failed")),
    Verb("tasks", "DAG@RUN", "a run as a tree", see_runs.tasks, LOOK, ("tree",),
         ("tasks sales_daily", "tasks sales_daily@manual__2026-11-22", "tasks A-12")),
    Verb("logs", "REF [50]", "the last error of a log, and its last lines", see_logs.logs, LOOK, ("log",),
         ("logs A-12", "logs sales_daily.load", "logs sales_daily.load[7]@manual__2026-11-22 50", "logs A-12 try 2",
          "logs A-12 file")),
    Verb("health", "[CHECK]", "what beats, what the checks found; one check, asked now", see_parts.health, PARTS,
         ("checks",), ("health", "health scheduler-heartbeat")),
    Verb("jobs", "", "schedulers, triggerers, DAG processors", see_parts.jobs, PARTS, examples=("jobs",)),
    Verb("zombies", "", "running tasks without a heartbeat", see_parts.zombies, PARTS, examples=("zombies",)),
    Verb("pools", "", "who fills them, who waits", see_parts.pools, PARTS, ("pool",), ("pools",)),
    Verb("import-errors", "", "DAG files that do not import", see_parts.import_errors, PARTS, ("imports", "import-error"),
         ("import-errors",)),
    Verb("variable", "get|set KEY", "its value; never a secret", see_config.variable, PARTS, ("variables", "var"),
         ("variable get batch_size", "variable set batch_size 500")),
    Verb("connection", "test|get ID", "does it connect; never a password", see_config.connection, PARTS,
         ("connections", "conn"), ("connection test warehouse", "connection get warehouse")),
    Verb("slow", "[2d]", "tasks that take longer than before", see_past.slow, PAST, examples=("slow", "slow 2d")),
    Verb("report", "DAG [7d]", "success rate, p95, failures, slowest tasks", see_past.report, PAST,
         examples=("report sales_daily", "report sales_daily 30d")),
    Verb("oncall", "", "who is on call in PagerDuty", see_parts.on_call, ALERTS, ("on-call",), ("oncall",)),
    Verb("whoami", "", "your role", look.whoami, examples=("whoami",)),
)  # fmt: skip
