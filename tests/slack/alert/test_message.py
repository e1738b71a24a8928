"""Every kind of trouble has its own look, in five parts and always in the same order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.core.incidents.incident import Counts, Entry, State
from bot.core.incidents.routing import Severity
from bot.core.signals.signal import Signal
from tests.slack import strict
from tests.slack.reading import head, kinds, line, menu, pressable, shown, strip
from tests.slack.samples import (
    DAGS,
    FAILED_AT,
    QUIET,
    RUN,
    RUN_URL,
    failure,
    held,
    incident,
    minutes,
    signal,
    unix,
    view,
)  # fmt: skip

SINCE = f"<!date^{unix(FAILED_AT)}^{{time}}|05:12 UTC>"
RUN_LINK = f"<{RUN_URL}|{RUN}>"
EVIDENCE = """psycopg.OperationalError: connection to server at "10.0.7.21", port 5432
  failed: Connection refused. Is the server running on that host?
dags/sales_daily.py, line 42, in load"""


def test_firing_is_whole() -> None:
    message = shown(view())
    assert message["text"] == (
        "🔴 sales_daily.load failed, try 3/3: warehouse refused the connection. 4 tasks wait. Nobody has it yet. A-12"
    )
    assert kinds(message) == ["header", "section", "context", "rich_text", "actions"]
    assert head(message) == "🔴 sales_daily.load failed: warehouse refused the connection"
    last = f"<!date^{unix(FAILED_AT - timedelta(hours=23, minutes=12))}^{{date_short_pretty}} {{time}}|yesterday 06:00 UTC>"
    assert line(message, "section") == (
        "*Try 3/3, none left* · 4 tasks wait for it · ran 41 s, usually 12 min\n"
        f"Failed 3 of the last 20 runs · last success {last}"
    )
    coming = (
        f"<!date^{unix(FAILED_AT + timedelta(hours=23, minutes=48))}^{{date_short_pretty}} {{time}}|tomorrow 05:00 UTC>"
    )
    assert line(message, "context") == f"{RUN_LINK} · owner data-eng <!subteam^S0DATAENG> · next run {coming}"
    assert line(message, "rich_text") == EVIDENCE
    assert pressable(message) == ["retry", "acknowledge!", "silence", "runbook"]
    assert menu(message) == ["mark-success:A-12", "pause:A-12", "escalate:A-12", "logs:A-12", "history:A-12"]
    rings = f"<!date^{unix(minutes(15))}^{{time}}|05:27 UTC>"
    assert strip(message) == (
        "#D55E00", [f"A-12 · *nobody has it yet* · rings the person on call at {rings} · failed {SINCE}"]
    )  # fmt: skip


def test_a_button_is_the_verb_and_carries_the_incident_and_says_what_it_concerns() -> None:
    row = shown(view())["blocks"][-1]
    assert row["block_id"] == "actions"
    assert row["elements"][0] == {
        "type": "button", "action_id": "retry", "text": {"type": "plain_text", "text": "Retry", "emoji": False},
        "value": "A-12", "accessibility_label": "Retry sales_daily.load, shows the list first",
    }  # fmt: skip


def test_critical_says_so_in_words_sign_and_colour() -> None:
    message = shown(view(incident(severity=Severity.critical), pager="PagerDuty", page_said="trigger"))
    assert message["text"].startswith("🚨 CRITICAL: sales_daily.load failed, try 3/3: ")
    assert head(message).startswith("🚨 sales_daily.load failed: ")
    assert line(message, "section").startswith("*Critical* · try 3/3, none left · 4 tasks wait for it")
    assert strip(message) == ("#CC1144", [f"A-12 · *PagerDuty rang, no answer yet* · failed {SINCE}"])


def test_a_page_that_did_not_go_out_is_said() -> None:
    message = shown(view(pager="PagerDuty", page_error="503 eight times"))
    assert strip(message)[1] == [
        f"A-12 · *nobody has it, and the page to PagerDuty failed* · failed {SINCE}",
        "PagerDuty: 503 eight times",
    ]


def test_a_storm_is_one_message_with_the_exact_count_and_the_largest_dags() -> None:
    message = shown(view(counts=Counts(312, 312, 312, 58, DAGS, FAILED_AT, minutes(1))))
    assert head(message) == "🔴 312 failures in 40 DAGs: warehouse refused the connection"
    assert line(message, "section").startswith(f"*312 failures, 58 in the last 5 min: still growing* · {SINCE} to ")
    assert line(message, "rich_text") == (
        "96  sales_daily\n71  orders_hourly\n44  customers_sync\n31  inventory_daily\n70  in 36 more DAGs"
    )
    assert line(message, "context").startswith("psycopg.OperationalError: connection to server")
    assert menu(message) == ["list:A-12", "pause:A-12", "escalate:A-12", "logs:A-12", "history:A-12"]
    labels = [option["text"]["text"] for option in message["blocks"][-1]["elements"][-1]["options"][:2]]
    assert labels == ["All 312 failures", "Pause 40 DAGs"]
    assert message["blocks"][-1]["elements"][0]["text"]["text"] == "Retry all"


def test_ten_thousand_is_said_in_digits_that_can_be_searched() -> None:
    message = shown(view(counts=Counts(10000, 10000, 9000, 0, DAGS, FAILED_AT, minutes(1))))
    assert "10000 failures" in head(message)
    assert "10000" in message["text"]
    assert line(message, "section").startswith("*10000 failures* · 1000 well again · ")


def test_two_tries_of_one_task_are_no_storm_and_one_dag_is_named() -> None:
    assert head(shown(view(counts=Counts(3, 1, 1, 3, (("sales_daily", 3),))))).startswith("🔴 sales_daily.load failed")
    one = shown(view(counts=Counts(7, 7, 7, 0, (("sales_daily", 7),))))
    assert head(one) == "🔴 7 failures in sales_daily: warehouse refused the connection"
    assert line(one, "rich_text") == EVIDENCE


def test_found_by_sweep_says_that_the_task_never_reported() -> None:
    told = failure(exception=None, source="sweep", hostname="worker-3", try_number=1, max_tries=0)
    message = shown(view(incident(told), runbook=None, several_deployments=True))
    assert head(message) == "🔴 sales_daily.load failed: no callback received"
    assert line(message, "section").endswith("\nFound by sweep: Airflow says failed, the task itself never reported.")
    assert line(message, "context").startswith(f"prod · {RUN_LINK} · on worker-3 · owner data-eng")
    assert "rich_text" not in kinds(message)
    assert pressable(message) == ["retry", "acknowledge!", "silence"]


def test_acknowledged_names_the_person_and_calls_nobody() -> None:
    message = shown(view(held()))
    assert head(message) == "👀 Ana has it · sales_daily.load: warehouse refused the connection"
    assert " · owner data-eng · " in line(message, "context")
    assert pressable(message) == ["retry!", "resolve", "unacknowledge", "runbook"]
    since = f"<!date^{unix(minutes(2))}^{{time}}|05:14 UTC>"
    assert strip(message) == ("#0072B2", [f"A-12 · *<@U0ANA> has it* since {since} · rings nobody · failed {SINCE}"])
    assert "Ana has it. A-12" in message["text"]


def test_an_import_error_names_the_dags_that_are_gone_and_offers_no_retry() -> None:
    told_why = "Traceback:\n    from finance.rates import fx_rate\nImportError: cannot import name 'fx_rate'"
    fault = {"type": "ImportError", "message": "cannot import name 'fx_rate'", "traceback": told_why}
    told = signal("import_error", file="/opt/airflow/dags/finance/ledger.py", exception=fault, line=7,
                  dags=["ledger_daily", "ledger_close", "fx_rates"])  # fmt: skip
    message = shown(view(incident(told)))
    assert head(message) == "🔴 finance/ledger.py does not import: 3 DAGs are gone"
    assert line(message, "section") == (
        "Gone: `ledger_daily` `ledger_close` `fx_rates`\n*They do not run until the file imports*"
    )
    assert line(message, "context").startswith("/opt/airflow/dags/finance/ledger.py, line 7")
    assert line(message, "rich_text").endswith(
        "from finance.rates import fx_rate\nImportError: cannot import name 'fx_rate'"
    )
    assert pressable(message) == ["acknowledge!", "silence", "runbook"]
    assert menu(message) == ["check:A-12", "escalate:A-12", "history:A-12"]
    unknown = replace(told, extra={})
    assert head(shown(view(incident(unknown), runbook=None))) == (
        "🔴 finance/ledger.py does not import: ImportError: cannot import name 'f…"
    )


def test_a_finding_speaks_in_its_own_sentence_and_recovers_in_its_own_sentence() -> None:
    told = signal("check_failed", check="scheduler-heartbeat",
                  sentence="The scheduler is silent: last heartbeat 94 s ago, limit 30 s",
                  facts=["Nothing new starts · 23 runs are due within 10 min", "✗ scheduler 94 s   ✓ triggerer 3 s"])  # fmt: skip
    message = shown(view(incident(told, mention="")))
    assert head(message) == "🔴 The scheduler is silent: last heartbeat 94 s ago, limit 30 s"
    assert (
        line(message, "section")
        == "*Nothing new starts* · 23 runs are due within 10 min\n✗ scheduler 94 s ✓ triggerer 3 s"
    )
    assert kinds(message) == ["header", "section", "actions"]
    over = incident(told, state=State.resolved, resolved_at=minutes(190 / 60))
    well = shown(view(over, timeline=(Entry(minutes(3), "resolved", "The scheduler beats again"),)))
    assert line(well, "section") == "✅ *The scheduler beats again* after 3 min 10 s, by itself"
    assert menu(well) == ["reopen:A-12", "timeline:A-12", "runbook:A-12"]


def test_what_is_late_is_a_warning() -> None:
    told = signal("deadline_missed", dag_id="sales_daily", run_id=RUN, sentence="sales_daily is late: due 06:00 UTC")
    message = shown(view(incident(told, severity=Severity.warning)))
    assert head(message) == "⚠️ sales_daily is late: due 06:00 UTC"
    assert strip(message)[0] == "#E69F00"
    assert strip(message)[1][0].endswith(f" · late since {SINCE}")
    assert menu(message) == ["tasks:A-12", "escalate:A-12", "history:A-12"]
    plain = signal("deadline_missed", dag_id="sales_daily", run_id=RUN)
    assert head(shown(view(incident(plain, severity=Severity.warning)))) == "⚠️ sales_daily is late"


def test_a_run_that_failed_without_a_task_says_so() -> None:
    message = shown(view(incident(signal("run_failed", dag_id="sales_daily", run_id=RUN))))
    assert head(message) == "🔴 sales_daily failed: no task reported"
    assert line(message, "section") == "*No task of it reported a failure*"
    assert "retry" not in pressable(message)


def test_another_programs_alert_is_shown_with_its_name_and_sentence() -> None:
    message = shown(view(incident(signal("external", name="HighLatency", sentence="p99 above 2 s")), runbook=None))
    assert head(message) == "🔴 HighLatency: p99 above 2 s"
    assert pressable(message) == ["acknowledge!", "silence"]
    assert menu(message) == ["escalate:A-12", "history:A-12"]


def test_silenced_is_grey_and_can_be_ended() -> None:
    message = shown(view(incident(silence=QUIET, page_at=None)))
    assert head(message) == "🔕 Quiet · sales_daily.load: warehouse refused the connection"
    assert pressable(message) == ["unsilence", "retry", "acknowledge", "runbook"]
    assert message["blocks"][-1]["elements"][0]["value"] == "S-4"
    until = f"<!date^{unix(minutes(60))}^{{time}}|06:12 UTC>"
    assert strip(message) == (
        "#8A8F98",
        [f"A-12 · *quiet until {until}* · Ben: “warehouse maintenance” · rings nobody"],
    )
    assert "rich_text" not in kinds(message)
    assert "quiet until 06:12 UTC" in message["text"]
    assert " · owner data-eng · " in line(message, "context")
    ended = shown(view(incident(silence=QUIET), now=minutes(61)))
    assert head(ended).startswith("🔴")


def test_shown_late_says_by_how_much_and_on_time_says_nothing() -> None:
    assert strip(shown(view(late=42.0)))[1][1] == "⏳ Shown 42 s late"
    assert "Shown 42 s late." in shown(view(late=42.0))["text"]
    assert len(strip(shown(view(late=9.0)))[1]) == 1


def test_without_an_api_nothing_is_offered_that_needs_it() -> None:
    message = shown(view(can_act=False))
    assert pressable(message) == ["acknowledge!", "silence", "runbook"]
    assert menu(message) == ["escalate:A-12", "history:A-12"]
    assert pressable(shown(view(held(), can_act=False))) == ["resolve!", "unacknowledge", "runbook"]


def test_what_is_not_known_is_left_out() -> None:
    bare = Signal("task_failed", "prod", FAILED_AT, dag_id="d", run_id="r", task_id="t")
    message = shown(view(incident(bare, context={}, page_at=None, mention=""), runbook=None, run_url="", can_act=False))
    everything = " ".join([message["text"], *strict.texts(message["blocks"]), *strip(message)[1]])
    assert "None" not in everything
    assert "unknown" not in everything
    assert "[-1]" not in everything
    assert head(message) == "🔴 d.t failed: no callback said why"
