"""An answer is for one person, says the answer first and the next command last, and names exactly what would be touched."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from bot.core.access import Access, Role
from bot.core.airflow.protocol import Run, TaskInstance
from bot.core.errors import Refused
from bot.core.incidents.incident import Counts, Entry, Subject
from bot.core.incidents.routing import Silence
from bot.core.incidents.view import DeploymentStatus, Status
from bot.core.remediation import Change, Surprise
from bot.core.signals.signal import Family
from bot.slack.replies import incidents, log, preview, replies, run_tree, status
from bot.slack.text.limits import fit
from tests.slack import strict
from tests.slack.reading import buttons, checked, last, line
from tests.slack.samples import (
    ANA,
    BOOK,
    DAGS,
    FAILED_AT,
    OURS,
    RUN,
    RUN_URL,
    held,
    incident,
    minutes,
    plan,
    ref,
    unix,
    view,
)  # fmt: skip
from tests.slack.test_hostile import HOSTILE


def test_a_missing_role_is_named_and_who_has_it() -> None:
    refused = Access().allowed(ANA, "clear")
    assert refused is not None
    message = checked(replies.refusal(refused, "clear", ["Ana", "Ben"]))
    assert (
        line(message, "section") == "🔒 *Nothing was changed.* `clear` needs the role *responder*; you are a *viewer*."
    )
    assert last(message) == "Ana and Ben can do it · your roles: `/airflow whoami`"
    assert message["text"].startswith("🔒 Nothing was changed: clear needs the role responder")
    assert Role.responder.name == refused.remedy


def test_any_other_refusal_names_the_next_command_and_says_once_that_nothing_was_changed() -> None:
    message = checked(replies.refusal(Refused("Ana has A-12 already.", "unack A-12"), "acknowledge"))
    assert line(message, "section") == "*Nothing was changed.* Ana has A-12 already."
    assert last(message) == "next: `/airflow unack A-12`"
    assert checked(replies.trouble("prod does not answer"))["text"] == ("Nothing was changed: prod does not answer")
    assert checked(replies.used("That was confirmed already, at 05:17 UTC."))["text"].startswith(
        "Nothing was changed: That"
    )


def test_a_sentence_keeps_our_code_and_shows_the_next_command() -> None:
    message = checked(replies.told("• `a`  <!here>\n• `b`  two", "status"))
    assert line(message, "section") == "• `a` &lt;!here&gt;\n• `b` two"
    assert last(message) == "next: `/airflow status`"


def test_a_typo_gets_the_nearest_verb_as_a_button() -> None:
    message = checked(replies.typo("claer", ["clear sales_daily.load"], ["connection"]))
    assert line(message, "section") == "There is no verb `claer`. Did you mean *clear*?"
    assert [(verb, value) for verb, _, value, _ in buttons(message)] == [
        ("run", "clear sales_daily.load"), ("run-help", "help"),
    ]  # fmt: skip
    assert last(message) == "Nothing was changed · also near: `connection`"
    assert [verb for verb, *_ in buttons(checked(replies.typo("xyzzy", [])))] == ["run-help"]


def test_help_is_one_line_a_verb() -> None:
    groups = [("Look", [("status", "how Airflow is"), ("logs REF [50]", "the last lines of a log")])]
    message = checked(replies.help(groups, ["open", "whoami"]))
    assert line(message, "section") == "*Look*\n`status`  how Airflow is\n`logs REF [50]`  the last lines of a log"
    assert last(message) == "`help clear` for examples · also: open, whoami"
    one = checked(replies.verb_help("clear REF", "run again", ["clear A-12"], ["retry"]))
    assert line(one, "section") == "`clear REF`  run again\n• `/airflow clear A-12`"


PARTS = (("scheduler", True, 2), ("triggerer", None, None), ("dag_processor", True, 6), ("metadatabase", True, None))
PROD = DeploymentStatus(
    "prod", "3.3.2", components=PARTS,
    answer_seconds=0.004, running=8, queued=12, dags_active=61, dags_total=64, import_errors=0,
)  # fmt: skip


def test_status_says_how_each_deployment_is_and_who_has_what() -> None:
    views = [view(held(id=12), now=minutes(6)), view(incident(id=14), now=minutes(6))]
    message = checked(status.status(Status([PROD], views, minutes(6), [(3, minutes(66))])))
    assert [b["text"]["text"] for b in message["blocks"] if b["type"] == "section"] == [
        "*prod is well* (Airflow 3.3.2)\n✓ scheduler 2 s   ✓ DAG processor 6 s   ✓ metastore 4 ms\n"
        "8 tasks running · 12 queued · 61 of 64 DAGs active · 0 import errors",
        "👀 *A-12* sales_daily.load: warehouse refused the connection · Ana, 4 min\n"
        "🔴 *A-14* sales_daily.load failed: warehouse refused the connection · *nobody*, 6 min",
    ]
    assert last(message).endswith(" · 1 silence, ends 06:18 UTC · `open` lists alerts, `help` lists verbs")
    assert message["text"].startswith("prod is well. 2 open alerts: A-12 sales_daily.load, Ana has it; A-14 ")


def test_status_says_how_many_failures_were_told_and_by_whom() -> None:
    told = replace(PROD, failures_known=12, failures_by_hook=11, failures_by_sweep=1)
    assert "Told 12 of 12 failures in 24 h: 11 by hooks · 1 by the sweep" in line(
        checked(status.status(Status([told], [], FAILED_AT))), "section"
    )
    assert "Told" not in line(
        checked(status.status(Status([replace(told, failures_known=0)], [], FAILED_AT))), "section"
    )


def test_a_deployment_that_does_not_answer_is_said_and_harms_no_other() -> None:
    dead = DeploymentStatus("old", trouble="connection refused <!here>")
    message = checked(status.status(Status([PROD, dead], [], minutes(6))))
    assert message["text"].startswith("prod is well · old is not well. No open alerts.")
    assert "⚠️ *old does not answer*\nconnection refused &lt;!here&gt;" in repr(message).replace("\\n", "\n")
    ill = replace(PROD, components=(("scheduler", False, 94),), findings=("the scheduler is silent",))
    message = checked(status.health(Status([ill], [], minutes(6))))
    assert "*prod is not well* (Airflow 3.3.2)\n✗ scheduler 94 s" in line(message, "section")
    assert "✗ the scheduler is silent" in line(message, "section")


def test_a_log_says_which_lines_of_how_many_and_what_was_masked() -> None:
    lines = [f"line {n}" for n in range(1195)] + [
        "connecting to postgresql://etl:hunter2@10.0.7.21/sales",
        "<!channel>",
    ]
    message = checked(log.log(ref("load"), lines, 3, RUN_URL, 9))
    assert line(message, "section") == f"*sales_daily.load*, try 3 · last 9 of 1197 lines · <{RUN_URL}|whole log>"
    assert line(message, "rich_text").endswith("connecting to postgresql://etl:•••@10.0.7.21/sales\n<!channel>")
    assert len(line(message, "rich_text").split("\n")) == 9
    assert last(message) == f"1 secret masked · more: `/airflow logs sales_daily.load@{RUN} 50`"
    assert "no lines" in checked(log.log(ref("load"), [], 1))["text"].lower()
    huge = checked(log.log(ref("load"), ["x" * 100_000] * 50, 1, "", 50))
    assert len(line(huge, "rich_text")) <= 3_000


def test_the_full_list_of_failures_is_cut_with_its_number() -> None:
    subjects = [Subject(12, Family.task, "prod", "d" * 80, RUN, "load", n, 1, "", "", "", FAILED_AT, FAILED_AT if n % 2 else None)
                for n in range(300)]  # fmt: skip
    message = checked(incidents.failures(view(counts=Counts(312, 312, 312, 0, DAGS)), subjects))
    assert line(message, "section") == "*A-12* 312 failures in 40 DAGs"
    shown = sum(
        len(b["elements"][0]["elements"][0]["text"].split("\n")) for b in message["blocks"] if b["type"] == "rich_text"
    )
    assert last(message) == f"+{312 - shown} more · ✗ failed   ✓ well again"


def test_history_is_told_oldest_first_and_loses_only_its_oldest_lines() -> None:
    entries = [Entry(minutes(n), "note", f"note {n}", "Ana") for n in range(50)]
    message = checked(incidents.timeline(view(timeline=entries)))
    said = [b["text"]["text"] for b in message["blocks"] if b["type"] == "section"]
    assert said[1].startswith(f"<!date^{unix(minutes(10))}^{{time}}|05:22 UTC>  Ana: “note 10”\n")
    assert said[-1].endswith("Ana: “note 49”")
    assert last(message) == "10 earlier entries are not shown · `windsock timeline A-12` prints all of it"


def test_a_run_shows_each_task_as_sign_and_word() -> None:
    run = Run("sales_daily", RUN, "failed")
    loads = [TaskInstance(ref("load", n), "success", duration=9) for n in range(6)]
    instances = [TaskInstance(ref("extract"), "success", duration=180), *loads,
                 TaskInstance(ref("load", 6), "failed", duration=41), TaskInstance(ref("notify"), "upstream_failed")]  # fmt: skip
    message = checked(run_tree.tasks(run, instances, RUN_URL))
    assert line(message, "section") == (
        f"*sales_daily* <{RUN_URL}|{RUN}>\n*failed* · 7 of 9 task instances succeeded · load[6] failed · 1 never ran"
    )
    assert line(message, "rich_text").split("\n") == [
        "✓ extract     success              3 min",
        "✗ load[0..6]  6 success, 1 failed  41 s",
        "- notify      upstream_failed",
    ]
    assert last(message) == f"✓ success   ✗ failed   - never ran · next: `/airflow clear sales_daily@{RUN} failed`"


def test_small_answers_say_what_happened() -> None:
    assert (
        checked(replies.asked(plan()))["text"]
        == "Asked: clearing 14 task instances of sales_daily; A-12 shows how it goes"
    )
    assert checked(replies.cancelled())["text"] == "Cancelled: nothing was changed."
    assert checked(incidents.open_alerts([]))["text"] == "No open alerts."
    quiet = Silence(4, "dag:sales_daily", "prod", minutes(60), "Ben", "vendor <!here>")
    assert "*S-4* `dag:sales_daily` until " in line(checked(incidents.silences([quiet])), "section")
    assert line(checked(incidents.silences([])), "section") == "No silences"
    book = checked(replies.runbook(BOOK, "https://windsock.example.com/runbooks/connection-refused"))
    assert book["text"] == "Runbook: The warehouse refuses connections"


@settings(max_examples=120, deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_answer_is_broken_by_what_others_wrote(one: str, two: str, three: str) -> None:
    named = Change(one, two, three, one, replace(ref("x"), dag_id=two, task_id=one), Surprise.succeeded)
    hostile = plan((named, replace(named, surprise=Surprise.neighbour, before=three)), warnings=(one,))
    for message in (
        preview.preview(hostile, minutes(4)), preview.moved(hostile, plan((named,)), minutes(4)), replies.asked(hostile),
        preview.preview(plan((Change(one, two, three),), "trigger", options={"conf": {one: two}}), minutes(4)),
        replies.refusal(Refused(one, two), three, [one, two]), replies.refusal(Refused(one, "admin"), two, [three]),
        replies.told(one, two), replies.trouble(one), replies.used(one), replies.typo(one, [two, three], [one]),
        replies.help([(one, [(two, three)])], [one]), replies.verb_help(one, two, [three], [one]),
        log.log(replace(ref("x"), dag_id=one), [two, three], 1, "", 9),
        status.status(Status([DeploymentStatus(one, two, three), DeploymentStatus(two, findings=(one,))], [], FAILED_AT)),
        status.health(Status([DeploymentStatus(two, components=((one, False, 1),), findings=(one,))], [], FAILED_AT)),
        incidents.silences([Silence(1, one, two, FAILED_AT, two, three)]),
        run_tree.tasks(Run(one, two, three), [TaskInstance(replace(ref("x"), task_id=one), two)], ""),
    ):  # fmt: skip
        checked(message)
    book = fit(replies.runbook(replace(BOOK, title=one, body=f"{two}\n\n{three}")))
    assert strict.faults(book) == []
    assert not [sign for sign in strict.alive(book, OURS) if sign.startswith(("<", "a lone"))]
