"""`windsock doctor`: tries each configured system and prints on one line each what is wrong and how to fix it.

It changes nothing but the store's schema, and an unavailable system doesn't prevent the others from being tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_sdk.web import WebClient

from bot.airflow.gateway import GatewayConfig, connect
from bot.app.build import gateway_configs
from bot.checks.metastore.connection import Metastore
from bot.config.runbooks import read_all
from bot.config.settings import Settings
from bot.core.errors import Permanent, Temporary
from bot.slack.api.client import called, client
from bot.store import alerts
from bot.store.database import Store

KEY_LENGTH = 32
MOST_PAGES = 20  # of a thousand channels each


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result for one system, and the remedy if it doesn't work."""

    system: str
    well: bool
    said: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f" → {self.remedy}" if self.remedy else ""
        return f"{'✓' if self.well else '✗'} {self.system}: {self.said}{remedy}"


def diagnose(settings: Settings) -> Iterator[Diagnosis]:
    """Tries every system in turn."""
    yield _tried("store", lambda: _store(settings), "check WINDSOCK_STORE__URL and that the database may be written")
    yield from _slack(settings)
    if not settings.airflow:
        yield Diagnosis("airflow", True, "no deployment is configured; signals are taken all the same")
    for config in gateway_configs(settings):
        where = f"WINDSOCK_AIRFLOW__{config.name.upper()}__"
        yield _tried(f"airflow {config.name}", partial(_airflow, config), f"check {where}URL and its login")
        metastore = settings.airflow[config.name].metastore_url.get_secret_value()
        if metastore:
            yield _tried(f"metastore {config.name}", partial(_metastore, metastore), f"check {where}METASTORE_URL")
    yield _pagerduty(settings)
    yield _runbooks(settings)


def _tried(system: str, look: Callable[[], str], remedy: str) -> Diagnosis:
    try:
        return Diagnosis(system, True, look())
    except (Temporary, Permanent) as error:
        return Diagnosis(system, False, error.message, remedy)


def _store(settings: Settings) -> str:
    store = Store(settings.store.url)
    store.migrate()
    with store.read() as t:
        failing = alerts.failing(t)
    store.close()
    if failing:
        raise Permanent(f"{len(failing)} alerts cannot be shown: {failing[0].error}")
    return "answers, schema up to date"


def _slack(settings: Settings) -> Iterator[Diagnosis]:
    slack = settings.slack
    if not slack.bot_token.get_secret_value():
        yield Diagnosis(
            "slack", False, "no bot token", "set WINDSOCK_SLACK__BOT_TOKEN (python -m bot manifest makes the app)"
        )
        return
    api = client(slack.bot_token.get_secret_value(), slack.api_url)
    yield _tried(
        "slack", lambda: "bot {user} in {team}".format(**{"user": "?", "team": "?"} | called(api.auth_test)),
        "check WINDSOCK_SLACK__BOT_TOKEN and __API_URL",
    )  # fmt: skip
    yield _tried("slack channels", lambda: _channels(settings, api),
                 "unarchive it, /invite the bot into it, or name another in the routes")  # fmt: skip
    if slack.mode == "socket":
        token = slack.app_token.get_secret_value()
        yield _tried(
            "slack socket", lambda: str(bool(called(api.apps_connections_open, app_token=token)) and "a socket may be opened"),
            "check WINDSOCK_SLACK__APP_TOKEN (scope connections:write) and that Socket Mode is on",
        )  # fmt: skip
    elif not slack.signing_secret.get_secret_value():
        yield Diagnosis("slack http", False, "no signing secret", "set WINDSOCK_SLACK__SIGNING_SECRET")


def _channels(settings: Settings, api: WebClient) -> str:
    """Checks that every channel of the settings can be written. Raises Permanent that lists the others."""
    wanted = dict.fromkeys(
        [settings.slack.channel, *(str(table["channel"]) for table in settings.routes if table.get("channel"))]
    )
    known: dict[str, dict[str, Any]] = {}
    cursor = ""
    for _ in range(MOST_PAGES):
        page = called(api.conversations_list, limit=1000, cursor=cursor, types="public_channel,private_channel")
        known |= {name: one for one in page.get("channels", []) for name in (one.get("id"), f"#{one.get('name')}")}
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            break
    wrong = [said for name in wanted if (said := _channel_trouble(name, known))]
    if wrong:
        raise Permanent("; ".join(wrong))
    return f"{len(wanted)} can be written"


def _channel_trouble(name: str, known: Mapping[str, Mapping[str, Any]]) -> str:
    """What is wrong with a channel, empty if it can be written. The bot need not be in a public channel, because it
    joins before its first message."""
    channel = known.get(name) or known.get(f"#{name.lstrip('#')}")
    if channel is None:
        return f"{name} does not exist, or is private and the bot was not invited"
    if channel.get("is_archived"):
        return f"{name} is archived"
    return f"the bot is not in {name}" if channel.get("is_private") and not channel.get("is_member") else ""


def _airflow(config: GatewayConfig) -> str:
    gateway = connect(config)
    try:
        health = gateway.health()
        gateway.dags(limit=1)
        return f"Airflow {gateway.version} answers in {health.seconds * 1000:.0f} ms, the login is good"
    finally:
        gateway.close()


def _metastore(url: str) -> str:
    metastore = Metastore(url)
    try:
        snapshot = metastore.snapshot()
        power = metastore.power()
        careful = f"; its role {power}: give it select alone" if power else ""
        return f"schema of Airflow {snapshot.major}.x, answers in {snapshot.seconds * 1000:.0f} ms{careful}"
    finally:
        metastore.close()


def _pagerduty(settings: Settings) -> Diagnosis:
    key = settings.pagerduty.routing_key.get_secret_value()
    if not key:
        return Diagnosis("pagerduty", True, "not configured; nobody is rung")
    if len(key) != KEY_LENGTH:
        return Diagnosis("pagerduty", False, f"the routing key has {len(key)} characters, not {KEY_LENGTH}",
                         "copy the Events API v2 integration key into WINDSOCK_PAGERDUTY__ROUTING_KEY")  # fmt: skip
    return Diagnosis("pagerduty", True, "configured")


def _runbooks(settings: Settings) -> Diagnosis:
    books, wrong = read_all(settings.runbooks.path)
    if wrong:
        return Diagnosis("runbooks", False, str(wrong[0]), "python -m bot runbooks lint")
    return Diagnosis("runbooks", True, f"{len(books)} read")
