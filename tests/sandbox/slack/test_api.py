"""The Web API refuses what Slack refuses: tokens, scopes, channels, pace; and every fault on demand does what it says."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from bot.sandbox.slack.rules.config import SCOPES, Config, Limits
from bot.sandbox.slack.server import Running, running
from tests.sandbox.slack.wire import HTTP


def call(slack: Running, method: str, token: str | None = None, **arguments: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token or slack.config.bot_token}"}
    return HTTP.post(f"{slack.api_url}{method}", headers=headers, json=arguments)


def error(slack: Running, method: str, **arguments: Any) -> str:
    return str(call(slack, method, **arguments).json().get("error"))


def sandbox(slack: Running, path: str, **body: Any) -> httpx.Response:
    return HTTP.post(f"{slack.url}/_sandbox/{path}", json=body)


def posts(slack: Running) -> list[dict[str, Any]]:
    answer = HTTP.get(f"{slack.url}/_sandbox/messages", params={"channel": "data-alerts"})
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


def test_tokens_are_checked(slack: Running) -> None:
    assert call(slack, "auth.test", token="xoxb-somebody").json()["error"] == "invalid_auth"
    assert call(slack, "auth.test", token=slack.config.app_token).json()["error"] == "not_allowed_token_type"
    assert call(slack, "apps.connections.open").json()["error"] == "not_allowed_token_type"
    assert HTTP.post(f"{slack.api_url}auth.test").json()["error"] == "not_authed"
    assert call(slack, "auth.test").json()["user_id"] == "U0WINDSOCK"


def test_a_missing_scope_is_named() -> None:
    with running(Config(scopes=SCOPES - {"pins:write"})) as slack:
        refused = call(slack, "pins.add", channel="C0ALERTS", timestamp="1").json()
    assert (refused["error"], refused["needed"]) == ("missing_scope", "pins:write")
    assert "chat:write" in refused["provided"]


def test_an_unknown_method_is_said_so(slack: Running) -> None:
    assert error(slack, "chat.shout") == "unknown_method"


def test_channels_are_found_by_id_and_name_and_refused_as_slack_does(slack: Running) -> None:
    for name in ("C0ALERTS", "data-alerts", "#data-alerts"):
        assert call(slack, "chat.postMessage", channel=name, text="x").json()["channel"] == "C0ALERTS"
    assert call(slack, "chat.postMessage", channel="U0ANA", text="x").json()["channel"] == "D0ANA"
    assert error(slack, "chat.postMessage", channel="#nowhere", text="x") == "channel_not_found"
    assert error(slack, "chat.postMessage", channel="#random", text="x") == "not_in_channel"
    assert error(slack, "chat.postMessage", channel="#old-alerts", text="x") == "is_archived"
    assert call(slack, "conversations.join", channel="C0RANDOM").json()["ok"]
    assert call(slack, "chat.postMessage", channel="#random", text="x").json()["ok"]


def test_an_edit_keeps_attachments_and_text_alone_drops_blocks(slack: Running) -> None:
    divider = [{"type": "divider"}]
    ts = call(
        slack, "chat.postMessage", channel="C0ALERTS", text="x", blocks=divider, attachments=[{"text": "bar"}]
    ).json()["ts"]
    assert call(slack, "chat.update", channel="C0ALERTS", ts=ts, text="y").json()["ok"]
    [message] = posts(slack)
    assert (message["text"], message["blocks"], len(message["attachments"])) == ("y", [], 1)
    call(slack, "chat.update", channel="C0ALERTS", ts=ts, text="z", attachments=[])
    [message] = posts(slack)
    assert (message["attachments"], message["edits"]) == ([], 2)


def test_only_own_public_messages_can_be_edited(slack: Running) -> None:
    said = sandbox(slack, "say", channel="data-alerts", user="ana", text="hello").json()["ts"]
    told = call(slack, "chat.postEphemeral", channel="C0ALERTS", user="U0ANA", text="psst").json()["message_ts"]
    assert error(slack, "chat.update", channel="C0ALERTS", ts=said, text="x") == "cant_update_message"
    assert error(slack, "chat.update", channel="C0ALERTS", ts=told, text="x") == "message_not_found"
    assert error(slack, "chat.update", channel="C0ALERTS", ts="1.1", text="x") == "message_not_found"
    assert error(slack, "chat.postMessage", channel="C0ALERTS", thread_ts="1.1", text="x") == "thread_not_found"


def test_replies_are_counted_and_not_in_the_history(slack: Running) -> None:
    ts = call(slack, "chat.postMessage", channel="C0ALERTS", text="alert").json()["ts"]
    for n in range(3):
        call(slack, "chat.postMessage", channel="C0ALERTS", thread_ts=ts, text=f"reply {n}", reply_broadcast=n == 2)
    history = call(slack, "conversations.history", channel="C0ALERTS").json()["messages"]
    assert [m["text"] for m in history] == ["reply 2", "alert"]
    assert history[1]["reply_count"] == 3
    thread = call(slack, "conversations.replies", channel="C0ALERTS", ts=ts).json()["messages"]
    assert [m["text"] for m in thread] == ["alert", "reply 0", "reply 1", "reply 2"]


def test_a_history_can_be_narrowed_by_time(slack: Running) -> None:
    stamps = [call(slack, "chat.postMessage", channel="C0ALERTS", text=str(n)).json()["ts"] for n in range(3)]

    def texts(**bounds: Any) -> list[str]:
        found = call(slack, "conversations.history", channel="C0ALERTS", **bounds).json()["messages"]
        return [m["text"] for m in found]

    assert texts(oldest=stamps[1]) == ["2"]
    assert texts(oldest=stamps[1], inclusive=True) == ["2", "1"]
    assert texts(latest=stamps[1]) == ["0"]
    assert error(slack, "conversations.history", channel="C0ALERTS", oldest="yesterday") == "invalid_ts_oldest"


def test_lists_are_paged(slack: Running) -> None:
    names, cursor = [], ""
    while True:
        page = call(slack, "conversations.list", limit=2, cursor=cursor).json()
        names += [c["name"] for c in page["channels"]]
        if not (cursor := page["response_metadata"]["next_cursor"]):
            break
    assert names[:2] == ["data-alerts", "data-critical"]
    assert len(names) == len(set(names)) == 6


def test_people_and_groups(slack: Running) -> None:
    assert call(slack, "users.lookupByEmail", email="ben@example.com").json()["user"]["id"] == "U0BEN"
    assert error(slack, "users.lookupByEmail", email="eve@example.com") == "users_not_found"
    assert call(slack, "usergroups.users.list", usergroup="S0DATAENG").json()["users"] == ["U0ANA", "U0BEN"]


def test_a_channel_takes_a_burst_of_five_and_then_one_a_second(strict: Running) -> None:
    answers = [call(strict, "chat.postMessage", channel="C0ALERTS", text=str(n)) for n in range(6)]
    assert [a.status_code for a in answers] == [200] * 5 + [429]
    assert (answers[5].json()["error"], answers[5].headers["retry-after"]) == ("ratelimited", "1")
    assert call(strict, "chat.postMessage", channel="C0GENERAL", text="x").json()["ok"]
    assert len(posts(strict)) == 5


def test_edits_are_limited_to_fifty_a_minute_in_the_workspace(strict: Running) -> None:
    ts = call(strict, "chat.postMessage", channel="C0ALERTS", text="x").json()["ts"]
    answers = [call(strict, "chat.update", channel="C0ALERTS", ts=ts, text=str(n)) for n in range(60)]
    refused = [a for a in answers if a.status_code == 429]
    assert refused
    assert int(refused[0].headers["retry-after"]) >= 1
    assert posts(strict)[0]["edits"] == 60 - len(refused)


def test_a_late_trigger_is_expired() -> None:
    # The life of a trigger is nothing here, so that the test need not wait three seconds.
    with running(Config(limits=Limits(trigger_life=0.0, ack=0.1))) as slack:
        sandbox(slack, "command", channel="data-alerts", user="ana", command="/airflow", text="x")
        trigger = _trigger(slack)
        view = {"type": "modal", "title": {"type": "plain_text", "text": "t"}, "blocks": []}
        assert error(slack, "views.open", trigger_id=trigger, view=view) == "expired_trigger_id"


def test_a_stale_hash_is_a_conflict(slack: Running) -> None:
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    first = call(slack, "views.publish", user_id="U0ANA", view=home).json()["view"]
    assert call(slack, "views.publish", user_id="U0ANA", view=home, hash=first["hash"]).json()["ok"]
    assert error(slack, "views.publish", user_id="U0ANA", view=home, hash=first["hash"]) == "hash_conflict"


def test_a_fault_strikes_its_method_for_its_count_and_no_more(slack: Running) -> None:
    sandbox(slack, "faults", kind="error", method="chat.postMessage", code="is_archived", count=2)
    sandbox(slack, "faults", kind="rate_limit", method="chat.update", retry_after=7, count=1)
    limited = call(slack, "chat.update", channel="C0ALERTS", ts="1.1", text="x")
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
    struck = [error(slack, "chat.postMessage", channel="C0ALERTS", text="x") for _ in range(3)]
    assert struck == ["is_archived", "is_archived", "None"]


def test_down_lasts_until_it_is_lifted(slack: Running) -> None:
    sandbox(slack, "faults", kind="down")
    assert call(slack, "auth.test").status_code == 503
    HTTP.delete(f"{slack.url}/_sandbox/faults")
    assert call(slack, "auth.test").status_code == 200


def test_a_lost_answer_acts_all_the_same(slack: Running) -> None:
    sandbox(slack, "faults", kind="lost_answer", method="chat.postMessage", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        call(slack, "chat.postMessage", channel="C0ALERTS", text="posted")
    assert [m["text"] for m in posts(slack)] == ["posted"]
    [line] = HTTP.get(f"{slack.url}/_sandbox/log?method=chat.postMessage").json()["log"]
    assert (line["ok"], line["lost"]) == (True, True)


def test_latency_delays_the_answer(slack: Running) -> None:
    sandbox(slack, "faults", kind="latency", latency_ms=300, count=1)
    began = time.monotonic()
    assert call(slack, "auth.test").json()["ok"]
    assert time.monotonic() - began >= 0.3


def test_what_is_not_there_is_said_in_a_sentence(slack: Running) -> None:
    ts = call(slack, "chat.postMessage", channel="C0ALERTS", text="x").json()["ts"]
    place = {"channel": "data-alerts", "user": "ana"}
    missing = [
        sandbox(slack, "click", **place, ts="1.1", action_id="go"),
        sandbox(slack, "click", **place, ts=ts, action_id="go"),
        sandbox(slack, "click", channel="nowhere", user="ana", ts=ts, action_id="go"),
        sandbox(slack, "command", channel="data-alerts", user="nobody", command="/airflow"),
        sandbox(slack, "submit", user="ana", values={}),
    ]
    assert [a.status_code for a in missing] == [404] * 5
    assert "there is no 'go' to press" in missing[1].json()["error"]
    assert sandbox(slack, "faults", kind="earthquake").status_code == 400
    assert sandbox(slack, "click", user="ana").status_code == 400


def test_with_nobody_listening_a_command_fails_at_once(slack: Running) -> None:
    outcome = sandbox(slack, "command", channel="data-alerts", user="ana", command="/airflow", text="x").json()
    assert (outcome["ok"], outcome["error"]) == (False, "dispatch_failed")
    assert outcome["replies"][0]["text"] == '/airflow failed with the error "dispatch_failed"'


def _trigger(slack: Running) -> str:
    found = slack.workspace.modals.triggers
    return next(iter(found))
