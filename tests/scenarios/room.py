"""A room: a local Slack, a local PagerDuty and the real bot between them, with a database of its own.

The language of the scenarios is three words: `expect` (a message comes), `press` (a person acts), `expect_edit` (that very
message changes). Hard case: a bot that must be killed; then it is a process of its own (`apart=True`), else it lives in
this one. Rule: a scenario knows the bot by what it shows and by its public addresses, never by its inside.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from bot.app.windsock import Windsock
from bot.config.settings import Settings
from bot.sandbox.demo.settings import clean
from bot.sandbox.pagerduty import server
from bot.sandbox.processes import serving
from bot.sandbox.processes.children import Child
from bot.sandbox.slack.rules.config import Config
from bot.sandbox.slack.server import running
from bot.web.routes import site
from tests.scenarios.ports import kept_port
from tests.scenarios.seen import CHANNEL, Answer, Message, Row, SlackEyes, did, words_of
from tests.scenarios.waiting import PATIENCE, eventually
from tests.stacks import SIGNAL_TOKEN

ROOT = Path(__file__).parents[2]
DEPLOYMENT = "test"
RUN = "scheduled__2026-11-22T05:00:00+00:00"
EVERYBODY = {"operator": ["*"]}
REFUSED = {"type": "psycopg.OperationalError", "message": 'connection to "10.0.7.21" failed: Connection refused'}
SUBJECTS: dict[str, Row] = {
    "task": {"dag_id": "sales_daily", "run_id": RUN, "task_id": "load", "try_number": 1, "max_tries": 0,
             "owner": "data-eng", "source": "listener"},
    "run": {"dag_id": "sales_daily", "run_id": RUN},
    "import": {"file": "finance/ledger.py"},
    "check": {"check": "scheduler-heartbeat", "name": "scheduler"},
    "external": {"name": "disk almost full"},
}  # fmt: skip
ROW_IS_BAD = {"type": "ValueError", "message": "row 4711: amount is not a number", "traceback":
              'Traceback (most recent call last):\n  File "/dags/sales_daily.py", line 30, in load\n    insert(rows)\n'
              "ValueError: row 4711: amount is not a number"}  # fmt: skip


class BotHere:
    """The bot in this process."""

    def __init__(self, settings: Mapping[str, str], access: Mapping[str, list[str]], port: int) -> None:
        self._settings, self._access, self._port = settings, access, port
        self._exits = ExitStack()

    def start(self) -> None:
        self.windsock = Windsock(Settings(**nested(self._settings), access={**self._access}))
        self.windsock.start()
        self._exits.callback(self.windsock.stop)
        listener, _ = self._exits.enter_context(serving.bound("127.0.0.1", self._port))
        self._exits.enter_context(serving.in_thread(site(self.windsock.edge()), listener))

    def hang_up(self) -> None:
        """No socket is opened again from now on."""
        assert self.windsock.slack is not None
        for handler in self.windsock.slack.sockets:
            handler.client.auto_reconnect_enabled = handler.client.default_auto_reconnect_enabled = False

    def stop(self) -> None:
        self._exits.close()

    @property
    def last_words(self) -> str:
        return ""


class BotApart:
    """The bot as a process, which can be killed."""

    def __init__(self, settings: Mapping[str, str], access: Mapping[str, list[str]], folder: Path) -> None:
        config = folder / "windsock.toml"
        config.write_text("[access]\n" + "".join(f"{role} = {ids!r}\n" for role, ids in access.items()))
        environment = clean() | {f"WINDSOCK_{name}": value for name, value in settings.items()}
        environment["WINDSOCK_CONFIG"] = str(config)
        words = [sys.executable, "-m", "bot", "serve"]
        self._child = Child("bot", words, folder / "bot.log", env=environment, cwd=ROOT)

    def start(self) -> None:
        self._child.start()

    def stop(self) -> None:
        self._child.stop()

    def hang_up(self) -> None:
        """Its sockets end with it."""

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is flushed."""
        self._child.kill()

    @property
    def last_words(self) -> str:
        return self._child.tail()


class Pager:
    """The local PagerDuty."""

    def __init__(self, url: str) -> None:
        self.url = url

    def incidents(self) -> list[Row]:
        return list(httpx.get(f"{self.url}/_sandbox/incidents", trust_env=False).json()["incidents"])

    def expect(self, status: str, seconds: float = PATIENCE) -> Row:
        """An incident that is triggered, acknowledged or resolved."""

        def look() -> Row | None:
            return next((one for one in self.incidents() if one["status"] == status), None)

        found = eventually(look, lambda: (status, self.incidents()), seconds)
        assert found is not None
        return found


class Room:
    """What a scenario is given."""

    def __init__(self, slack: str, pager: str, url: str, bot: BotHere | BotApart) -> None:
        self.eyes, self.pagerduty, self.url, self.bot = SlackEyes(slack), Pager(pager), url, bot
        self._client = httpx.Client(base_url=url, timeout=20, trust_env=False)

    def start_bot(self, sockets: int = 2) -> None:
        """Starts it and waits until it listens, and is connected to Slack."""
        self.bot.start()
        eventually(lambda: self._is_ready() and self.eyes.sockets() >= sockets, lambda: self.bot.last_words, 60)

    def _is_ready(self) -> bool:
        try:
            return self._client.get("/livez").status_code == 200
        except httpx.TransportError:
            return False

    def close(self) -> None:
        self._client.close()
        self.eyes.close()

    def post(self, **request: Any) -> httpx.Response:
        """A raw request to the signals' address, with the right token unless headers are given."""
        request.setdefault("headers", {"Authorization": f"Bearer {SIGNAL_TOKEN}"})
        return self._client.post("/v1/signals", **request)

    def report(self, kind: str = "task_failed", **changed: Any) -> Row:
        """One signal, taken; `{"accepted": n, "duplicates": m}`."""
        return self.report_all([signal(kind, **changed)])

    def report_all(self, signals: list[Row]) -> Row:
        answer = self.post(json={"signals": signals})
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def say(self, text: str, user: str = "ana") -> Answer:
        """`/airflow …`, as a person types it."""
        command, _, rest = text.partition(" ")
        return did(self.eyes, user, "command", channel=CHANNEL, command=command, text=rest)

    def messages(self, *words: str) -> list[Message]:
        """What stands in the channel itself, oldest first."""
        rows = [row for row in self.eyes.rows() if not row["thread_ts"] and not row["ephemeral_to"]]
        return [Message(self.eyes, row["ts"]) for row in rows if all(word in words_of(row) for word in words)]

    def expect(self, *words: str, seconds: float = PATIENCE) -> Message:
        """A message in the channel that says all of these words."""
        return eventually(
            lambda: self.messages(*words), lambda: (words, self.all_words(), self.bot.last_words), seconds
        )[0]

    def all_words(self) -> list[str]:
        return [words_of(row) for row in self.eyes.rows()]

    def incident(self, number: int) -> Row:
        """An incident as other programs see it, with every subject and the timeline."""
        found = self.get(f"/v1/incidents/{number}")
        assert found.status_code == 200, found.text
        return dict(found.json())

    def timeline(self, number: int) -> list[tuple[str, str]]:
        return [(entry["who"], entry["what"]) for entry in self.incident(number)["timeline"]]

    def get(self, path: str) -> httpx.Response:
        return self._client.get(path, headers={"Authorization": f"Bearer {SIGNAL_TOKEN}"})

    def fault(self, **fault: Any) -> None:
        """Trouble in Slack: `kind="down"`, `rate_limit`, `error`, `lost_answer`; for `count` calls or `seconds`."""
        self.eyes.do("faults", **fault)

    def settled(self) -> None:
        """Until nothing is owed any more: every alert shows its incident as it is."""

        def owed() -> list[Any]:
            found = self.get("/v1/incidents").json()["incidents"]
            return [
                (one["name"], one["version"], a)
                for one in found
                for a in one["alerts"]
                if a["shown"] < one["version"] and (a["shown"] or a["place"] != "pagerduty")  # a page may be due later
            ]

        eventually(lambda: not owed(), owed, 60)


def signal(kind: str = "task_failed", **changed: Any) -> Row:
    """A signal's JSON object, just now; a value of None takes the field away."""
    names = SUBJECTS[kind.partition("_")[0]]
    made: Row = {"v": 1, "kind": kind, "deployment": DEPLOYMENT, "occurred_at": datetime.now(UTC).isoformat(), **names}
    if kind == "task_failed":
        made["exception"] = ROW_IS_BAD
    return {name: value for name, value in (made | changed).items() if value is not None}


@contextmanager
def a_room(
    folder: Path, *, mode: str = "socket", apart: bool = False, access: Mapping[str, list[str]] | None = None,
    port: int = 0, started: bool = True, **more: str,
) -> Iterator[Room]:  # fmt: skip
    """Everything up, and down again. `more` are further settings, such as AIRFLOW__TEST__URL."""
    with ExitStack() as exits:
        port = exits.enter_context(kept_port(port))
        url = f"http://127.0.0.1:{port}"
        http_url = f"{url}/slack/events" if mode == "http" else None
        slack = exits.enter_context(running(Config(http_url=http_url)))
        pager = exits.enter_context(server.running())
        settings = {
            "STORE__URL": f"sqlite:///{folder / 'windsock.db'}", "SERVER__PORT": str(port),
            "SERVER__SIGNAL_TOKEN": SIGNAL_TOKEN, "SLACK__MODE": mode, "SLACK__API_URL": slack.api_url,
            "SLACK__BOT_TOKEN": slack.config.bot_token, "SLACK__APP_TOKEN": slack.config.app_token,
            "SLACK__SIGNING_SECRET": slack.config.signing_secret, "SWEEP__INTERVAL": "5s",
            "PAGERDUTY__EVENTS_URL": f"{pager.url}/v2/enqueue", "PAGERDUTY__ROUTING_KEY": "windsocktest" + "0" * 20,
            "RUNBOOKS__PATH": str(ROOT / "runbooks"),
        } | more  # fmt: skip
        granted = EVERYBODY if access is None else access
        bot = BotApart(settings, granted, folder) if apart else BotHere(settings, granted, port)
        room = Room(slack.url, pager.url, url, bot)
        exits.callback(room.close)
        exits.callback(_swept)
        exits.callback(bot.stop)
        exits.callback(room.fault, kind="drop_sockets", seconds=60)  # or closing would wait for a silent socket
        exits.callback(bot.hang_up)
        if started:
            room.start_bot(sockets=0 if mode == "http" else 2)
        yield room


def _swept() -> None:
    """The sockets that slack_sdk leaves behind are collected here, not in some later test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def nested(flat: Mapping[str, str]) -> Row:
    """`SLACK__API_URL` → `{"slack": {"api_url": …}}`."""
    tree: Row = {}
    for name, value in flat.items():
        *branch, leaf = name.lower().split("__")
        node = tree
        for part in branch:
            node = node.setdefault(part, {})
        node[leaf] = value
    return tree


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """Does all of them in threads of their own, from one moment; what each gave."""
    gate, results = threading.Barrier(len(deeds)), [None] * len(deeds)

    def run(place: int, deed: Callable[[], Any]) -> None:
        gate.wait(30)
        results[place] = deed()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def seconds_of(deed: Callable[[], Any]) -> tuple[float, Any]:
    """How long a deed took, and what it gave."""
    begun = time.monotonic()
    given = deed()
    return time.monotonic() - begun, given
