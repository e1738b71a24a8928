"""From a failure's signal to the message in Slack, and from a press to the edited message, in milliseconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from bot.sandbox.slack.rules.config import Config
from bot.sandbox.slack.server import running
from tests.bench.bot_process import bot, wait_until

ROUNDS = 10


def measure(folder: Path) -> dict[str, object]:
    """Medians and the worst of ten rounds; rounds keep Slack's pace of one post a second."""
    with running(Config()) as slack, bot(folder, **slack_settings(slack.api_url)) as url:
        wait_until(lambda: "slack" not in httpx.get(f"{url}/readyz").json()["wrong"], 30, "the sockets")
        rounds = [_round(slack.url, url, number) for number in range(ROUNDS)]
    first, reaction = ([one[place] * 1000 for one in rounds] for place in (0, 1))
    return {
        "first_message_ms": round(median(first), 1), "first_message_worst_ms": round(max(first), 1),
        "reaction_ms": round(median(reaction), 1), "reaction_worst_ms": round(max(reaction), 1), "rounds": ROUNDS,
    }  # fmt: skip


def slack_settings(api_url: str) -> dict[str, str]:
    return {"SLACK__API_URL": api_url, "SLACK__BOT_TOKEN": "xoxb-sandbox", "SLACK__APP_TOKEN": "xapp-sandbox"}


def _round(slack: str, url: str, number: int) -> tuple[float, float]:
    time.sleep(1.2)  # Slack's pace, so that our own limit is not what is measured
    dag = f"dag_{number}"
    begun = time.perf_counter()
    httpx.post(f"{url}/v1/signals", json=failure(dag, number)).raise_for_status()
    wait_until(lambda: _message(slack, dag), 20, "the message")
    first = time.perf_counter() - begun
    message = _message(slack, dag)
    begun = time.perf_counter()
    press = {"channel": "data-alerts", "ts": message["ts"], "action_id": "acknowledge", "user": "U0ANA"}
    httpx.post(f"{slack}/_sandbox/click", json=press, timeout=20).raise_for_status()
    wait_until(lambda: "has it" in _message(slack, dag)["text"], 20, "the edit")
    return first, time.perf_counter() - begun


def failure(dag: str, number: int) -> dict[str, Any]:
    """A signal whose cause is its own."""
    return {
        "kind": "task_failed", "deployment": "bench", "occurred_at": datetime.now(UTC).isoformat(), "dag_id": dag,
        "run_id": "run", "task_id": "load", "try_number": 1, "max_tries": 0,
        "exception": {"type": f"Error{chr(65 + number)}", "message": "it broke", "traceback": ""},
    }  # fmt: skip


def _message(slack: str, dag: str) -> dict[str, Any]:
    found = httpx.get(f"{slack}/_sandbox/messages", params={"channel": "data-alerts"}).json()["messages"]
    return next((m for m in found if dag in m["text"] and not m["thread_ts"] and not m.get("ephemeral_to")), {})
