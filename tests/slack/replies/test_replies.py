"""An answer is for one person, says the answer first and the next command last, and names exactly what would be touched."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from bot.core.access import Access
from bot.core.airflow.protocol import Run, TaskInstance
from bot.core.errors import Refused
from bot.core.incidents.routing import Silence
from bot.core.incidents.view import DeploymentStatus, Status
from bot.core.remediation import Change, Surprise
from bot.core.roles import Role
from bot.slack.replies import incidents, log, preview, replies, run_tree, status
from bot.slack.text.limits import fit
from tests.slack import strict
from tests.slack.reading import buttons, checked, last, line
from tests.slack.samples import (
    ANA,
    BOOK,
    FAILED_AT,
    OURS,
    RUN,
    RUN_URL,
    minutes,
    plan,
    ref,
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
    assert refused.missing is Role.responder


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
