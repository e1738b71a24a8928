"""In HTTP mode the same Bolt app hears the same, signed; and what is signed wrongly it would not take."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.adapter.starlette import SlackRequestHandler
from slack_sdk import WebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox.processes import serving
from bot.sandbox.slack.delivery.http_mode import signed
from bot.sandbox.slack.rules.config import Config, Limits
from bot.sandbox.slack.server import Running, running
from tests.sandbox.slack.waiting import eventually
from tests.sandbox.slack.wire import HTTP


@contextmanager
def bolt_over_http() -> Iterator[tuple[Running, App, str]]:
    """A workspace that knows the bot's address, and the bot that knows the workspace's."""
    with serving.bound("127.0.0.1", 0) as (listener, bot_url):
        config = Config(limits=Limits(pace=False), http_url=f"{bot_url}/slack/events")
        with running(config) as slack:
            client = WebClient(config.bot_token, base_url=slack.api_url)
            quiet = logging.getLogger("tests.bolt")
            app = App(client=client, signing_secret=config.signing_secret, logger=quiet)
            handler = SlackRequestHandler(app)

            async def events(request: Request) -> Response:
                return await handler.handle(request)

            with serving.in_thread(Starlette(routes=[Route("/slack/events", events, methods=["POST"])]), listener):
                yield slack, app, config.http_url or ""


@pytest.fixture
def bolt() -> Iterator[tuple[Running, App, str]]:
    with bolt_over_http() as made:
        yield made


def ask(slack: Running, path: str, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = HTTP.post(f"{slack.url}/_sandbox/{path}", json=body).json()
    return answer


def test_commands_presses_and_events_arrive_signed(bolt: tuple[Running, App, str]) -> None:
    slack, app, _ = bolt
    told: list[str] = []
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    app.command("/airflow")(lambda ack, command: ack(f"you said {command['text']}"))
    app.action("go")(lambda ack, respond: (ack(), respond("gone")))
    app.event("app_mention")(lambda event: told.append(event["user"]))
    app.event("message")(lambda: None)
    replies = ask(slack, "command", channel="data-alerts", user="ana", command="/airflow", text="hi")["replies"]
    assert [r["text"] for r in replies] == ["you said hi"]
    ts = app.client.chat_postMessage(channel="C0ALERTS", text="x", blocks=[{"type": "actions", "elements": [button]}])[
        "ts"
    ]
    pressed = ask(slack, "click", channel="data-alerts", user="ana", ts=ts, action_id="go")
    assert [r["text"] for r in pressed["replies"]] == ["gone"]
    ask(slack, "say", channel="general", user="cleo", text="@Windsock hello")
    eventually(lambda: told == ["U0CLEO"], lambda: told)


def test_the_address_gives_the_challenge_back(bolt: tuple[Running, App, str]) -> None:
    assert ask(bolt[0], "verify") == {"ok": True}


def test_a_wrong_or_old_signature_is_refused_by_the_app(bolt: tuple[Running, App, str]) -> None:
    slack, _, url = bolt
    body = b"command=%2Fairflow&text=hi"
    now = int(time.time())

    def status(secret: str, at: int) -> int:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **signed(secret, body, at)}
        return HTTP.post(url, content=body, headers=headers).status_code

    assert status("somebody-elses-secret", now) == 401
    assert status(slack.config.signing_secret, now - 400) == 401


def test_an_address_that_answers_badly_is_told_to_the_person(bolt: tuple[Running, App, str]) -> None:
    slack, app, _ = bolt
    app.command("/other")(lambda ack: ack())
    outcome = ask(slack, "command", channel="data-alerts", user="ana", command="/airflow", text="x")
    assert (outcome["ok"], outcome["error"]) == (False, "http_service_error")
