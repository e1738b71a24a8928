"""How long Slack waits for an acknowledgement while 1,000 failures a second come in and 50 commands are under way, which wait
for an Airflow that takes two seconds for every answer. The strict local Slack measures it, from the envelope or the signed
request that it sends until the ack, in both modes.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from bot.sandbox.processes.ports import free_port
from bot.sandbox.slack.rules.config import Config
from bot.sandbox.slack.server import Running, running
from tests.bench import storm
from tests.bench.bot_process import bot, wait_until
from tests.bench.reaction import failure, slack_settings

UNDER_WAY = 50
PAUSE = 2.0  # of a person, between the first word of an answer and the next command: the rest of it takes about as long
PATIENCE = 90.0
LATE_MS = 500.0
COMMANDS = ("status", "health", "runs sales_daily", "dags", "dag sales_daily", "clear sales_daily@last-failed",
            "alerts", "pause orders_hourly for 2h reload", "ack A-1", "mark sales_daily.load@last-failed success")  # fmt: skip
PEOPLE = ("ana", "ben", "cleo")
MODES = ("socket", "http")


def measure(folder: Path) -> dict[str, object]:
    """Milliseconds until the ack, by mode; `late` took longer than the half second that is promised."""
    found: dict[str, object] = {"under_way": UNDER_WAY, "failures_a_second": storm.FAILURES / storm.SECONDS}
    for mode in MODES:
        place = folder / mode
        place.mkdir()
        with _started(place, mode) as (slack, url):
            found[mode] = _measured(slack, url)
    return found


@contextmanager
def _started(folder: Path, mode: str) -> Iterator[tuple[Running, str]]:
    port = free_port(0)
    http_url = f"http://127.0.0.1:{port}/slack/events" if mode == "http" else None
    with running(Config(http_url=http_url)) as slack:
        settings = slack_settings(slack.api_url) | {
            "SLACK__MODE": mode, "SLACK__SIGNING_SECRET": slack.config.signing_secret, "RECONCILE__INTERVAL": "0s",
            "SWEEP__INTERVAL": "0s", "AIRFLOW__TEST__URL": "http://127.0.0.1:9", "SERVER__PORT": str(port),
            "AIRFLOW__TEST__USERNAME": "bot", "AIRFLOW__TEST__PASSWORD": "unused",
        }  # fmt: skip
        with bot(folder, "-m", "tests.bench.ack_bot", **settings) as url:
            wait_until(lambda: "slack" not in httpx.get(f"{url}/readyz").json()["wrong"], 30, "the sockets")
            yield slack, url


def _measured(slack: Running, url: str) -> dict[str, object]:
    httpx.post(f"{url}/v1/signals", json=failure("first", 1), timeout=20).raise_for_status()
    message = _message(slack)
    ended = threading.Event()
    sender = multiprocessing.get_context("spawn").Process(target=_storm, args=(url,))
    sender.start()
    with ThreadPoolExecutor(UNDER_WAY) as people:
        busy = [people.submit(_keep_asking, slack.url, place, message, ended) for place in range(UNDER_WAY)]
        begun = time.perf_counter()
        sender.join(PATIENCE)
        took = time.perf_counter() - begun
        ended.set()
        for one in busy:
            one.result(timeout=60)
    log = httpx.get(f"{slack.url}/_sandbox/log", timeout=30).json()["log"]
    assert sender.exitcode == 0, f"the storm did not end well within {PATIENCE} s: {sender.exitcode}"
    return _figures([one for one in log if one["kind"] == "delivery"]) | {"storm_s": round(took, 1)}


def _message(slack: Running) -> str:
    """The ts of the first message in the channel."""

    def look() -> str:
        where = {"channel": "data-alerts"}
        rows = httpx.get(f"{slack.url}/_sandbox/messages", params=where).json()["messages"]
        return str(rows[0]["ts"]) if rows else ""

    wait_until(look, 20, "the message")
    return look()


def _storm(url: str) -> None:
    asyncio.run(storm._send(url, "/v1/signals", storm._signal))


def _keep_asking(slack: str, place: int, message: str, ended: threading.Event) -> None:
    """One person after the other: a command, and again as soon as it has been answered or Slack gave up waiting for that. By one
    client: to make one takes 20 ms of the process in which Slack looks at its clock."""
    client = httpx.Client(base_url=slack, timeout=30, trust_env=False)
    for number in itertools.count(place):
        if ended.is_set():
            client.close()
            return
        user = PEOPLE[number % len(PEOPLE)]
        said: dict[str, Any] = {"user": user, "channel": "data-alerts"}
        if number % 11 == 10:
            deed, said = "click", said | {"ts": message, "action_id": "details"}
        else:
            words = COMMANDS[number % len(COMMANDS)]
            deed, said = "command", said | {"command": "/airflow", "text": words}
        with suppress(httpx.TimeoutException):
            client.post(f"/_sandbox/{deed}", json=said)
        time.sleep(PAUSE)


def _figures(deliveries: list[dict[str, Any]]) -> dict[str, object]:
    asked = [one for one in deliveries if one["method"] in {"slash_commands", "interactive"}]
    took = sorted(float(one["ms"]) for one in asked)
    return {
        "asked": len(asked), "not_acknowledged": sum(not one["ok"] for one in asked), "p50_ms": took[len(took) // 2],
        "p99_ms": took[int(len(took) * 0.99)], "max_ms": took[-1], "late": sum(one > LATE_MS for one in took),
    }  # fmt: skip
