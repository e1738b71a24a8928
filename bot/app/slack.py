"""The Slack part of a running bot: Bolt, its sockets or its HTTP requests, the people and App Home."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from slack_bolt import App, BoltRequest
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web import WebClient

from bot.config.settings import Slack, WrongSettings
from bot.responder.services import Services
from bot.slack.api.client import client
from bot.slack.api.people import People
from bot.slack.interactions import owed_answers, payloads
from bot.slack.interactions.audit_trail import heard
from bot.slack.interactions.listeners import Listeners

logger = logging.getLogger(__name__)
CONNECTIONS = 2  # with only one, commands sent during a refresh are lost
COMMANDS = 128  # waiting for Airflow at once; with Bolt's default of five, the sixth isn't even acked


class SlackSide:
    """Receives events from Slack. Raises WrongSettings if the mode's secret is missing."""

    def __init__(self, settings: Slack, web: WebClient, services: Services) -> None:
        self._settings, self._web = settings, web
        self.people = People(web, services.access.groups)
        self.owed = owed_answers.Owed()
        services.whois = lambda person: self.people.person(person.id, person.name)
        self._bolt = self._app()
        listeners = Listeners(services, self.people, web)
        self.homes = listeners.homes
        listeners.register(heard(self._bolt, services, self.people, self.owed), settings.command)
        self.sockets: list[SocketModeHandler] = []

    def _app(self) -> App:
        secret = self._settings.signing_secret.get_secret_value()
        if self._settings.mode == "http" and not secret:
            raise WrongSettings("WINDSOCK_SLACK__SIGNING_SECRET: is required in http mode; Slack signs with it")
        if self._settings.mode == "socket" and not self._settings.app_token.get_secret_value():
            raise WrongSettings("WINDSOCK_SLACK__APP_TOKEN: is required in socket mode (xapp-…)")
        # for this workspace, without a lookup: Slack's API may be unavailable when the first press arrives
        authorized = AuthorizeResult(enterprise_id=None, team_id=None, bot_token=self._web.token)
        return App(
            client=self._web, authorize=lambda: authorized, signing_secret=secret or "unused in socket mode",
            token_verification_enabled=False, request_verification_enabled=False,  # the edge verifies, before Bolt
            listener_executor=ThreadPoolExecutor(COMMANDS, "slack listener"),
        )  # fmt: skip

    def connect(self, stop: threading.Event) -> None:
        """Opens the sockets, retrying while Slack is unavailable; afterwards the SDK keeps them open."""
        token = self._settings.app_token.get_secret_value()
        while len(self.sockets) < CONNECTIONS and not stop.is_set():
            try:
                handler = _Sockets(self._bolt, token, web_client=client("", self._settings.api_url))
                handler.api_url = self._settings.api_url
                handler.connect()  # type: ignore[no-untyped-call]
                self.sockets.append(handler)
            except Exception as error:  # noqa: BLE001 - the SDK raises its own, the socket's and the resolver's errors
                logger.warning("Slack's socket cannot be opened, tried again in 2 s: %s", error)
                stop.wait(2)
        stop.wait()

    @property
    def is_connected(self) -> bool:
        return any(socket.client.is_connected() for socket in self.sockets)

    def close(self) -> None:
        for socket in self.sockets:
            # the SDK fails if the socket closes at the same time
            with contextlib.suppress(OSError, AttributeError):
                socket.close()  # type: ignore[no-untyped-call]

    def dispatch(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], str]:
        """Handles a verified request in http mode. Returns status, headers and text of the answer."""
        try:
            payloads.check(payloads.read(body, headers.get("content-type", "")), self._settings.api_url)
        except payloads.Misshapen as error:
            return 400, {"content-type": "text/plain; charset=utf-8"}, str(error)
        request = BoltRequest(body=body.decode(), headers={name: [value] for name, value in headers.items()})
        answer = self._bolt.dispatch(request)
        return answer.status, {name: values[0] for name, values in answer.headers.items()}, answer.body


class _Sockets(SocketModeHandler):
    """Passes on payloads that listeners can read; the others are only acknowledged, or Slack would send them again."""

    api_url = ""

    def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        try:
            payloads.check(req.payload, self.api_url)
        except payloads.Misshapen as error:
            logger.warning("an envelope of Slack's cannot be read: %s", error)
            client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))
            return
        super().handle(client, req)
