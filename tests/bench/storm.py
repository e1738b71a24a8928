"""A storm: 10,000 failures of 500 DAGs with four causes in ten seconds from 32 clients. The bot, Alertmanager from Debian and
the usual callback, each before a strict local Slack of its own, in one run; and a server that does nothing, whose answers
take what the sender and the machine take.

The clients send at due times (an open loop), so a slow answer is counted from when it was due. Alertmanager groups by
cause with a group interval of 5 s (its default is 5 minutes), and with a group wait of 5 s and of none.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from slack_sdk.errors import SlackApiError
from slack_sdk.web import WebClient

from bot.sandbox.processes.ports import free_port
from bot.sandbox.slack.rules.config import Config
from bot.sandbox.slack.server import Running, running
from tests.bench.bot_process import answers, bot, wait_until
from tests.bench.nothing import nothing
from tests.bench.reaction import slack_settings

FAILURES, SECONDS, CLIENTS = 10_000, 10.0, 32
CAUSES = ("connection refused", "statement timeout", "disk full", "no route to host")
AM_CONFIG = """
route: {{receiver: slack, group_by: [cause], group_wait: {wait}, group_interval: 5s}}
receivers:
  - name: slack
    slack_configs:
      - api_url: {api_url}chat.postMessage
        channel: '#data-alerts'
        title: '{{{{ len .Alerts.Firing }}}} failures: {{{{ .CommonLabels.cause }}}}'
        http_config: {{authorization: {{type: Bearer, credentials: xoxb-sandbox}}}}
"""


def measure(folder: Path) -> dict[str, object]:
    """Seconds from the first failure's due time; milliseconds for what an accepted request took."""
    for name in ("bot", "waits", "at once"):
        (folder / name).mkdir()
    return {
        "bot": _bot(folder / "bot"),
        "alertmanager": _alertmanager(folder / "waits", "5s"),
        "alertmanager, group wait 0": _alertmanager(folder / "at once", "0s"),
        "callback": _callback(),
        "nothing": _nothing(),
    }


def _bot(folder: Path) -> dict[str, object]:
    with running(Config()) as slack, bot(folder, **slack_settings(slack.api_url)) as url:
        wait_until(lambda: "slack" not in httpx.get(f"{url}/readyz").json()["wrong"], 30, "the sockets")
        body = httpx.get(f"{url}/v1/incidents").json()
        assert body["incidents"] == []
        found = _storm(slack, url, "/v1/signals", _signal, lambda: _shown(slack) == FAILURES)
        kept = httpx.get(f"{url}/v1/incidents", timeout=30).json()["incidents"]
        return found | {
            "kept": sum(one["counts"]["failures"] for one in kept),
            "peak_mb": _peak_of(f"{folder}/windsock.db"),
        }


def _alertmanager(folder: Path, wait: str) -> dict[str, object]:
    with running(Config()) as slack, alertmanager(folder, slack, wait) as url:
        if not url:
            return {"missing": "install the Debian package prometheus-alertmanager"}
        return _storm(slack, url, "/api/v2/alerts", _alert, lambda: _alerts_shown(slack) >= FAILURES)


@contextmanager
def alertmanager(folder: Path, slack: Running, wait: str = "5s") -> Iterator[str]:
    """The address of an Alertmanager that shows its groups in that Slack; empty where there is none."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if not program:
        yield ""
        return
    config, port = folder / "am.yml", free_port(0)
    config.write_text(AM_CONFIG.format(api_url=slack.api_url, wait=wait))
    words = [program, f"--config.file={config}", f"--storage.path={folder / 'data'}", "--cluster.listen-address=",
             f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    with (folder / "am.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: answers(f"{url}/-/ready"), 30, "Alertmanager")
            yield url
        finally:
            process.terminate()
            process.wait(timeout=15)


def _storm(
    slack: Running, url: str, path: str, body: Callable[[int], Any], all_shown: Callable[[], bool]
) -> dict[str, object]:
    begun = time.time()
    taken = asyncio.run(_send(url, path, body))
    ended = time.time()
    last = None
    with suppress(TimeoutError):
        last = wait_until(all_shown, 40, "the final counts")
    first = min((float(one["ts"]) for one in _messages(slack)), default=None)
    calls = [one for one in _log(slack) if str(one["method"]).startswith("chat.")]
    return {
        "sent": len(taken), **_accepted(taken), "storm_s": round(ended - begun, 1),
        "first_message_s": round(first - begun, 2) if first else None,
        "final_counts_after_storm_s": round(last, 2) if last is not None else None, "slack_calls": len(calls),
        "rate_limited": sum("ratelimited" in str(one["answer"]) for one in calls),
    }  # fmt: skip


def _accepted(taken: list[float]) -> dict[str, float]:
    """What an answer took, in milliseconds from when it was due."""
    taken = sorted(taken)
    return {f"accept_p{part}_ms": round(taken[len(taken) * part // 100] * 1000, 2) for part in (50, 99)}


def _nothing() -> dict[str, float]:
    with nothing() as url:
        return _accepted(asyncio.run(_send(url, "/v1/signals", _signal)))


async def _send(url: str, path: str, body: Callable[[int], Any]) -> list[float]:
    host, port = url.removeprefix("http://").split(":")
    begun = time.perf_counter() + 0.1
    taken: list[float] = []

    async def client(place: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in range(place, FAILURES, CLIENTS):
            due = begun + number * SECONDS / FAILURES
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            payload = json.dumps(body(number)).encode()
            writer.write(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                         % (path.encode(), len(payload), payload))  # fmt: skip
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith((b"HTTP/1.1 20",)), head[:200]
            length = next(
                (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0
            )
            await reader.readexactly(length)
            taken.append(time.perf_counter() - due)
        writer.close()

    await asyncio.gather(*(client(place) for place in range(CLIENTS)))
    return taken


def _signal(number: int) -> dict[str, Any]:
    message = f"{CAUSES[number % 4]} at 10.0.{number % 256}.7 port {5000 + number}"
    return {
        "kind": "task_failed", "deployment": "bench", "occurred_at": datetime.now(UTC).isoformat(),
        "dag_id": f"dag_{number % 500}", "run_id": "run", "task_id": f"task_{number // 500}", "try_number": 1,
        "max_tries": 0, "exception": {"type": "psycopg.OperationalError", "message": message, "traceback": ""},
    }  # fmt: skip


def _alert(number: int) -> list[dict[str, Any]]:
    labels = {
        "alertname": "TaskFailed",
        "cause": CAUSES[number % 4],
        "dag": f"dag_{number % 500}",
        "task": f"task_{number}",
    }
    return [{"labels": labels, "startsAt": datetime.now(UTC).isoformat()}]


def _messages(slack: Running) -> list[dict[str, Any]]:
    found = httpx.get(f"{slack.url}/_sandbox/messages", params={"channel": "data-alerts"}, timeout=30).json()[
        "messages"
    ]
    return [one for one in found if not one["thread_ts"]]


def _log(slack: Running) -> list[dict[str, Any]]:
    log: list[dict[str, Any]] = httpx.get(f"{slack.url}/_sandbox/log", timeout=30).json()["log"]
    return log


def _shown(slack: Running) -> int:
    """What the messages count together: `2500 failures in 125 DAGs`."""
    words = [
        one["text"].split(" failures in ")[0].split()[-1] for one in _messages(slack) if " failures in " in one["text"]
    ]
    return sum(int(word) for word in words)


def _alerts_shown(slack: Running) -> int:
    """Of each cause the newest message counts."""
    newest: dict[str, int] = {}
    for one in _messages(slack):
        words = json.dumps(one["attachments"])
        for cause in CAUSES:
            if f"failures: {cause}" in words:
                newest[cause] = int(words.split(f" failures: {cause}")[0].split('"')[-1])
    return sum(newest.values())


def _callback() -> dict[str, object]:
    """What a callback with slack_sdk's defaults gets delivered in the same ten seconds, one thread."""
    with running(Config()) as slack:
        client, delivered, tried = WebClient(token="xoxb-sandbox", base_url=slack.api_url), 0, 0
        end = time.perf_counter() + SECONDS
        while time.perf_counter() < end and tried < FAILURES:
            tried += 1
            try:
                client.chat_postMessage(channel="#data-alerts", text=f"task {tried} failed")
                delivered += 1
            except SlackApiError:
                pass
        return {"tried": tried, "delivered": delivered, "lost_percent": round(100 * (1 - delivered / tried), 2)}


def _peak_of(database: str) -> float:
    """The peak memory of the process that has this database, in megabytes."""
    peak = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"sqlite:///{database}" in (status.parent / "environ").read_text():
                line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
                peak += int(line.split()[1]) / 1024
        except (OSError, StopIteration):
            continue
    return round(peak, 1)
