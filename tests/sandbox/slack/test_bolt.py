"""A real Bolt app over the wire: what it can do against Slack it can do here, and hears the same."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.sandbox.slack import people
from tests.sandbox.slack.bolt_app import CONNECTIONS, BoltApp
from tests.sandbox.slack.waiting import eventually

# slack_sdk leaves a socket to the garbage collector when it reconnects
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

BUTTON = {"type": "button", "action_id": "acknowledge", "value": "A-12", "text": {"type": "plain_text", "text": "Ack"}}
OVERFLOW = {
    "type": "overflow",
    "action_id": "more",
    "options": [
        {"text": {"type": "plain_text", "text": "Logs"}, "value": "logs:A-12"},
        {"text": {"type": "plain_text", "text": "History"}, "value": "history:A-12"},
    ],
}
ALERT = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*load* failed"}},
    {"type": "actions", "block_id": "actions", "elements": [BUTTON, OVERFLOW]},
]
MODAL = {
    "type": "modal",
    "callback_id": "silence",
    "title": {"type": "plain_text", "text": "Silence"},
    "submit": {"type": "plain_text", "text": "Silence"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Why"},
            "element": {"type": "plain_text_input", "action_id": "reason"},
        }
    ],
}


def test_a_command_is_answered_in_its_ack(bolt: BoltApp) -> None:
    bolt.app.command("/airflow")(lambda ack, command: ack(f"you said {command['text']}"))
    outcome = bolt.command("status prod")
    assert outcome["ok"], outcome
    assert [r["text"] for r in outcome["replies"]] == ["you said status prod"]
    assert outcome["replies"][0]["ephemeral_to"] == "U0ANA"


def test_metadata_comes_back_when_it_is_asked_for(bolt: BoltApp) -> None:
    metadata = {"event_type": "alert", "event_payload": {"incident": "A-12"}}
    sent = bolt.client.chat_postMessage(channel="#data-alerts", text="failed", metadata=metadata)
    plain = bolt.client.conversations_history(channel=sent["channel"])["messages"][0]
    whole = bolt.client.conversations_history(channel=sent["channel"], include_all_metadata=True)["messages"][0]
    assert "metadata" not in plain
    assert whole["metadata"] == metadata
    assert whole["ts"] == sent["ts"]


def test_a_press_edits_the_message_and_says_who_pressed(bolt: BoltApp) -> None:
    def acknowledge(ack: Any, body: dict[str, Any], client: Any) -> None:
        ack()
        place = {"channel": body["channel"]["id"], "ts": body["message"]["ts"]}
        client.chat_update(**place, text=f"{body['user']['id']} has {body['actions'][0]['value']}", blocks=ALERT[:1])

    bolt.app.action("acknowledge")(acknowledge)
    sent = bolt.client.chat_postMessage(channel="C0ALERTS", text="failed", blocks=ALERT)
    outcome = bolt.click(sent["ts"], "acknowledge")
    assert outcome["ok"], outcome
    [message] = bolt.messages()
    assert (message["text"], message["edits"], len(message["blocks"])) == ("U0ANA has A-12", 1, 1)


def test_an_overflow_can_be_pressed_by_its_deed(bolt: BoltApp) -> None:
    def more(ack: Any, action: dict[str, Any], respond: Any) -> None:
        ack()
        respond(text=f"chose {action['selected_option']['value']}", replace_original=False)

    bolt.app.action("more")(more)
    sent = bolt.client.chat_postMessage(channel="C0ALERTS", text="failed", blocks=ALERT)
    for named in ({"action_id": "more", "value": "history:A-12"}, {"action_id": "history"}):
        outcome = bolt.click(sent["ts"], **named)
        assert [r["text"] for r in outcome["replies"]] == ["chose history:A-12"], outcome


def test_a_modal_is_refused_then_updated(bolt: BoltApp) -> None:
    def submitted(ack: Any, view: dict[str, Any]) -> None:
        reason = view["state"]["values"]["reason"]["reason"]["value"]
        if reason == "no":
            ack(response_action="errors", errors={"reason": "say more"})
        else:
            ack(response_action="update", view={**MODAL, "title": {"type": "plain_text", "text": "Done"}})

    bolt.app.command("/airflow")(
        lambda ack, body, client: (ack(), client.views_open(trigger_id=body["trigger_id"], view=MODAL))
    )
    bolt.app.view("silence")(submitted)
    assert bolt.command("silence")["view"]["callback_id"] == "silence"
    assert bolt.submit()["errors"] == {"reason": "Please complete this required field."}
    assert bolt.submit(reason="no")["errors"] == {"reason": "say more"}
    assert bolt.submit(reason="maintenance")["view"]["title"]["text"] == "Done"


def test_at_most_three_views_lie_on_each_other_and_a_closing_is_told(bolt: BoltApp) -> None:
    closed: list[bool] = []
    view = {**MODAL, "notify_on_close": True}
    bolt.app.command("/airflow")(
        lambda ack, body, client: (ack(), client.views_open(trigger_id=body["trigger_id"], view=view))
    )
    bolt.app.view("silence")(lambda ack: ack(response_action="push", view=view))
    bolt.app.view_closed("silence")(lambda ack, body: (ack(), closed.append(body["is_cleared"])))
    first = bolt.command("x")["view"]
    second = bolt.submit(reason="a")["view"]
    assert (second["previous_view_id"], second["root_view_id"]) == (first["id"], first["id"])
    bolt.submit(reason="b")
    assert bolt.submit(reason="c")["error"] == "push_limit_reached"
    assert bolt.sandbox.post("/_sandbox/close", json={"user": "ana"}).json()["view"]["id"] == second["id"]
    bolt.sandbox.post("/_sandbox/close", json={"user": "ana", "all": True})
    eventually(lambda: closed == [False, True, True], lambda: closed)


def test_suggestions_come_from_the_app(bolt: BoltApp) -> None:
    option = {"text": {"type": "plain_text", "text": "sales_daily"}, "value": "sales_daily"}
    bolt.app.options("dag")(lambda ack, payload: ack(options=[option] if payload["value"] == "sal" else []))
    picker = {"type": "external_select", "action_id": "dag", "min_query_length": 1}
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "DAG"}, "accessory": picker}]
    sent = bolt.client.chat_postMessage(channel="C0ALERTS", text="which", blocks=blocks)
    asked = {"channel": "C0ALERTS", "ts": sent["ts"], "user": "ana", "action_id": "dag", "value": "sal"}
    assert bolt.sandbox.post("/_sandbox/suggest", json=asked).json() == {"ok": True, "options": [option]}


def test_a_response_url_replaces_deletes_and_is_spent_after_five(bolt: BoltApp) -> None:
    urls: list[str] = []
    bolt.app.command("/airflow")(lambda ack, respond: (ack(), respond(text="sure?", blocks=ALERT)))
    bolt.app.action("acknowledge")(lambda ack, body: (ack(), urls.append(body["response_url"])))
    [reply] = bolt.command("clear")["replies"]
    bolt.click(reply["ts"], "acknowledge")
    [url] = eventually(lambda: urls, lambda: urls)
    post = bolt.sandbox.post
    post(url, json={"replace_original": True, "text": "cleared"})
    [message] = bolt.messages()
    assert (message["text"], message["ts"], message["blocks"]) == ("cleared", reply["ts"], [])
    post(url, json={"delete_original": True})
    assert bolt.messages() == []
    assert [post(url, json={"text": "more"}).status_code for _ in range(4)] == [200, 200, 200, 404]


def test_a_refresh_loses_no_command_with_two_connections(bolt: BoltApp) -> None:
    bolt.app.command("/airflow")(lambda ack, command: ack(command["text"]))
    bolt.sandbox.post("/_sandbox/faults", json={"kind": "refresh"})
    eventually(bolt.refreshing, lambda: "no refresh")
    answers = [bolt.command("first")]
    while bolt.refreshing():
        answers.append(bolt.command("next"))
    assert [a for a in answers if not a["ok"]] == []
    eventually(lambda: bolt.sockets() == CONNECTIONS, bolt.sockets)


def test_dropped_sockets_come_back(bolt: BoltApp) -> None:
    bolt.app.command("/airflow")(lambda ack: ack("here"))
    bolt.sandbox.post("/_sandbox/faults", json={"kind": "drop_sockets"})
    eventually(lambda: bolt.command("status")["ok"], lambda: bolt.sandbox.get("/_sandbox/log").text, 30)


def test_an_app_that_does_not_ack_is_told_on_to_the_person(bolt: BoltApp) -> None:
    bolt.app.command("/airflow")(lambda: None)
    outcome = bolt.command("status")
    assert (outcome["ok"], outcome["error"]) == (False, "operation_timeout")
    assert outcome["replies"][0]["text"] == '/airflow failed with the error "operation_timeout"'


def test_a_trigger_opens_once_and_not_late(bolt: BoltApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes of these commands that is worth waiting for, and a trigger lives for three seconds."""
    monkeypatch.setattr(people, "AFTER_ACK", 0.0)
    triggers: list[str] = []
    bolt.app.command("/airflow")(lambda ack, body: (triggers.append(body["trigger_id"]), ack()))
    bolt.command("one")
    bolt.client.views_open(trigger_id=triggers[0], view=MODAL)
    assert _refusal(bolt, triggers[0]) == "exchanged_trigger_id"
    bolt.command("two")
    late = eventually(lambda: _refusal(bolt, triggers[1], invalid=True) == "invalid_arguments", lambda: triggers)
    assert late
    assert _refusal(bolt, "123.nonsense") == "invalid_trigger_id"


def test_the_app_home_is_published_when_it_is_opened(bolt: BoltApp) -> None:
    home = {"type": "home", "blocks": ALERT}
    bolt.app.event("app_home_opened")(lambda event, client: client.views_publish(user_id=event["user"], view=home))
    opened = bolt.sandbox.post("/_sandbox/home", json={"user": "ana"}).json()
    assert opened["view"]["type"] == "home", opened


def test_a_mention_and_a_message_reach_the_app(bolt: BoltApp) -> None:
    told: list[str] = []
    bolt.app.event("app_mention")(lambda event: told.append(event["text"]))
    bolt.app.event("message")(lambda event: told.append(event["type"]))
    said = {"channel": "general", "user": "ben", "text": "@windsock are you <there>?"}
    assert bolt.sandbox.post("/_sandbox/say", json=said).json()["ok"]
    eventually(lambda: sorted(told) == ["<@U0WINDSOCK> are you &lt;there&gt;?", "message"], lambda: told)


def test_a_file_is_uploaded_in_three_steps(bolt: BoltApp) -> None:
    bolt.client.files_upload_v2(channel="C0ALERTS", content="line 1\n", filename="load.log", initial_comment="the log")
    [message] = bolt.messages()
    assert message["text"] == "the log"
    assert bolt.sandbox.get(message["files"][0]["url_private"]).text == "line 1\n"


def _refusal(bolt: BoltApp, trigger_id: str, *, invalid: bool = False) -> str:
    view = {**MODAL, "blocks": "nonsense"} if invalid else MODAL
    with pytest.raises(SlackApiError) as refused:
        bolt.client.views_open(trigger_id=trigger_id, view=view)
    return str(refused.value.response["error"])
