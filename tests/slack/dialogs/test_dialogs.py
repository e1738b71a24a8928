"""A modal asks little, preselects the safe answer, and names block and element alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from bot.core.incidents.incident import Counts, State
from bot.core.incidents.runbook import Runbook
from bot.core.signals.signal import Fault
from bot.slack.dialogs import dialogs
from bot.slack.text import block_kit, markdown
from tests.slack import strict
from tests.slack.samples import BOOK, DAGS, FAILED_AT, OURS, failure, incident, minutes, signal, view
from tests.slack.test_hostile import HOSTILE

URL = "https://windsock.example.com/runbooks/x"
RUNBOOKS = sorted((Path(__file__).parents[3] / "runbooks").glob("*.md"))


def checked(modal: Any) -> Any:
    assert modal["type"] == "modal"
    assert strict.view_faults(modal) == []
    assert strict.alive({"text": "", "blocks": modal["blocks"]}, OURS) == []
    for block in modal["blocks"]:
        if block["type"] == "input":
            assert block["block_id"] == block["element"]["action_id"]
    return modal


def texts(modal: Any) -> list[str]:
    return [b["text"]["text"] for b in modal["blocks"] if b["type"] in {"section", "header"}]


def test_a_silence_asks_what_for_how_long_and_why() -> None:
    modal = checked(dialogs.silence(view(), minutes(4)))
    assert (modal["callback_id"], modal["private_metadata"], modal["submit"]["text"]) == ("silence", "A-12", "Silence")
    assert texts(modal) == ["🔕 *A-12* sales_daily.load failed: warehouse refused the connection"]
    what, how_long, reason = [block["element"] for block in modal["blocks"] if block["type"] == "input"]
    assert [(o["text"]["text"], o["value"]) for o in what["options"]] == [
        ("This cause, in every DAG", "signature:9c41d2abcdef"),
        ("sales_daily.load only", "task:sales_daily.load"),
        ("All of sales_daily", "dag:sales_daily"),
    ]
    assert what["initial_option"]["value"] == "task:sales_daily.load"
    assert how_long["initial_option"]["value"] == "1h"
    assert [o["value"] for o in how_long["options"]] == [
        "30m",
        "1h",
        "2h",
        "4h",
        "until:2026-11-23T09:00:00+00:00",
        "7d",
    ]
    assert reason["action_id"] == "reason"
    assert modal["blocks"][-1]["elements"][0]["text"].startswith("A silence rings nobody.")


def test_what_is_no_task_is_silenced_by_itself_and_a_long_name_by_its_kind() -> None:
    check = incident(signal("check_failed", check="scheduler-heartbeat", name="prod"))
    (option,) = checked(dialogs.silence(view(check), FAILED_AT))["blocks"][1]["element"]["options"]
    assert option["value"] == "thing:scheduler-heartbeat prod"
    long = incident(failure(dag_id="d" * 200, task_id="t" * 200))
    options = checked(dialogs.silence(view(long), FAILED_AT))["blocks"][1]["element"]["options"]
    assert [o["value"] for o in options] == ["signature:9c41d2abcdef", "task", "dag"]


def test_resolve_and_escalate_ask_for_one_thing_that_may_stay_empty() -> None:
    resolve = checked(dialogs.resolve(view()))
    assert (resolve["callback_id"], resolve["private_metadata"]) == ("resolve", "A-12")
    assert [b["block_id"] for b in resolve["blocks"] if b["type"] == "input" and b["optional"]] == ["note"]
    escalate = checked(dialogs.escalate(view()))
    assert [b["block_id"] for b in escalate["blocks"] if b["type"] == "input" and b["optional"]] == ["reason"]


def test_a_runbook_offers_its_actions_as_buttons_in_their_order() -> None:
    modal = checked(dialogs.runbook(view(counts=Counts(312, 312, 300, 0, DAGS)), URL))
    pressable = [b for b in modal["blocks"] if "accessory" in b]
    steps = [(b["text"]["text"], b["accessory"]["action_id"], b["accessory"]["value"]) for b in pressable]
    assert steps == [
        ("*1. Retry all*\nClears 300 task instances; shows the list first.", "retry", "A-12"),
        ("*2. Stop the flood*\nPauses 40 DAGs until someone unpauses; shows the list first.", "pause", "A-12"),
        ("*3. Still stuck*\nRings the person on call.", "escalate", "A-12"),
    ]
    assert texts(modal)[0] == "The warehouse refuses connections"
    assert texts(modal)[-1] == "*Why*\nIt restarts."
    assert "submit" not in modal


@pytest.mark.parametrize(
    ("changed", "left"),
    [({"can_act": False}, ["escalate"]), ({"incident": incident(state=State.resolved, resolved_at=FAILED_AT)}, [])],
)
def test_a_runbook_offers_nothing_that_cannot_be_honoured(changed: Any, left: list[str]) -> None:
    modal = checked(dialogs.runbook(view(**changed), URL))
    assert [b["accessory"]["action_id"] for b in modal["blocks"] if "accessory" in b] == left
    assert texts(checked(dialogs.runbook(view(runbook=None), URL))) == ["No runbook fits A-12."]


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_every_runbook_of_ours_is_a_modal_that_slack_takes(path: Path) -> None:
    body = path.read_text().split("---", 2)[-1]
    book = Runbook(path.stem, path.stem, body)
    modal = checked(dialogs.runbook(view(runbook=book), URL))
    everything = "\n".join(texts(modal))
    assert "**" not in everything
    assert "\n## " not in everything


def test_markdown_becomes_mrkdwn_and_code_stays_as_it_is() -> None:
    listed = "- **Refused** <!here> & co:\n  see [the page](https://windsock.example.com/x)\n- [here](docs/x.md)"
    fenced = "```bash\nselect **  <!here> from x\n# no heading\n```"
    body = f"Before.\n\n# Why **now**\n\n{listed}\n\n{fenced}\nA `**x**` b\n"
    assert markdown.sections(body) == [
        ("", "Before."),
        (
            "Why now",
            "• *Refused* &lt;!here&gt; &amp; co: see <https://windsock.example.com/x|the page>\n• here\n\n"
            "```\nselect **  &lt;!here&gt; from x\n# no heading\n```\nA `**x**` b",
        ),
    ]


def test_a_message_modal_tells_a_sentence() -> None:
    modal = checked(dialogs.message("A title that is longer than Slack takes", "It is `so` <!here>."))
    assert texts(modal) == ["It is `so` &lt;!here&gt;."]


@settings(max_examples=100, deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_modal_is_broken_by_what_others_wrote(one: str, two: str, three: str) -> None:
    told = replace(failure(), dag_id=one, task_id=two, exception=Fault(one, two, three))
    seen = view(
        incident(told),
        runbook=replace(BOOK, phrase="", title=one),
        counts=Counts(2, 2, 2, 0, ((one, 2),)),
    )
    for modal in (
        dialogs.silence(seen, FAILED_AT),
        dialogs.resolve(seen),
        dialogs.escalate(seen),
        dialogs.runbook(seen, URL),
        dialogs.message(one, two),
    ):
        checked(modal)


def test_a_preview_becomes_a_window_whose_submit_names_verb_and_count() -> None:
    pressed = [("confirm", "Confirm: clear 2"), ("narrow", "Only 1"), ("cancel", "Cancel")]
    ends = block_kit.actions("confirm", *(block_kit.button(name, label, "P-1") for name, label in pressed))
    preview = block_kit.message(
        "Clear 2?",
        block_kit.header("Clear 2?"),
        block_kit.preformatted("load\npublish"),
        ends,
        block_kit.context("once"),
    )
    window = checked(dialogs.window(preview, "Clear"))
    assert (window["callback_id"], window["private_metadata"], window["submit"]["text"]) == (
        "plan",
        "P-1",
        "Confirm: clear 2",
    )
    pressable = [e["action_id"] for b in window["blocks"] if b["type"] == "actions" for e in b["elements"]]
    assert pressable == ["narrow"]


def test_an_answer_becomes_a_window_that_only_tells() -> None:
    strip = block_kit.strip("#009E73", "A-12 · Ana has it", "A-12")
    window = checked(
        dialogs.window(
            block_kit.message("said", block_kit.section("It is so."), attachments=strip),
            "A title that is too long for it",
        )
    )
    assert "submit" not in window
    assert texts(window) == ["It is so.", "A-12 · Ana has it"]
    assert len(window["title"]["text"]) <= 24


def test_a_runbook_says_what_one_sees_before_the_steps() -> None:
    book = replace(BOOK, body="## What you see\nTasks fail.\n\n## Why\nIt restarts.\n")
    assert texts(checked(dialogs.runbook(view(runbook=book), URL)))[2:4] == [
        "*What you see*  Tasks fail.",
        "*1. Retry*\nClears 1 task instance; shows the list first.",
    ]
