"""A text as a file: whole in the thread, without secrets, bounded, and typed when Slack or the way to it is away."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from slack_sdk.web import WebClient

from bot.core.errors import Permanent, Temporary
from bot.core.redaction import MASK
from bot.sandbox.processes.ports import free_port
from bot.sandbox.slack.rules.config import Config, Limits
from bot.sandbox.slack.server import Running, running
from bot.slack.api.client import client
from bot.slack.api.files import MOST_BYTES, upload, whole, within

CHANNEL = "C0ALERTS"


@pytest.fixture
def slack() -> Iterator[Running]:
    with running(Config(limits=Limits(pace=False))) as workspace:
        yield workspace


def api(slack: Running) -> WebClient:
    return client(slack.config.bot_token, slack.api_url)


def a_thread(slack: Running) -> str:
    return str(api(slack).chat_postMessage(channel=CHANNEL, text="an alert")["ts"])


def shared(slack: Running) -> list[dict[str, Any]]:
    rows = httpx.get(f"{slack.url}/_sandbox/messages", params={"channel": CHANNEL}, trust_env=False).json()["messages"]
    return [row for row in rows if row["files"]]


def test_the_whole_text_stands_in_the_thread_under_its_name_and_title(slack: Running) -> None:
    ts = a_thread(slack)
    text = "".join(f"dag_{n},task,failed\n" for n in range(20_000))
    link = upload(api(slack), CHANNEL, ts, "A-1 <failures>.csv", text, "Every failure of <!channel>")
    (row,) = shared(slack)
    assert row["thread_ts"] == ts
    (file,) = row["files"]
    assert (file["name"], file["title"]) == ("A-1-failures-.csv", "Every failure of <!channel>")
    assert file["permalink"] == link
    assert httpx.get(file["url_private"], trust_env=False).text == text


def test_no_secret_leaves_wherever_it_stands(slack: Running) -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQ\n" * 12_000 + "-----END PRIVATE KEY-----\n"
    line = "password=hunter2 and the rest\n"
    upload(api(slack), CHANNEL, a_thread(slack), "log.txt", line * 4_000 + key + "the end\n", "Log")
    (row,) = shared(slack)
    told = httpx.get(row["files"][0]["url_private"], trust_env=False).text
    assert "hunter2" not in told
    assert "MIIEvQ" not in told
    assert told.count(MASK) == 4_001
    assert told.endswith("the end\n")


def test_a_long_line_stays_whole_and_its_secrets_do_not() -> None:
    told = whole("a\n" + "x" * 100_000 + " password=hunter2\nlast\n")
    assert told == "a\n" + "x" * 100_000 + f" password={MASK}\nlast\n"


@pytest.mark.parametrize("keep_end", [False, True])
def test_what_is_left_out_is_said_in_the_file(keep_end: bool) -> None:
    lines = [f"line {n} é\n" for n in range(400_000)]
    cut = within("".join(lines), keep_end=keep_end)
    assert MOST_BYTES - 200 < len(cut.encode()) <= MOST_BYTES
    kept = [line for line in cut.splitlines(keepends=True) if not line.startswith("…")]
    assert kept == (lines[-len(kept) :] if keep_end else lines[: len(kept)])
    assert f"… {400_000 - len(kept)} of 400000 lines are left out\n" in cut


def test_an_empty_text_is_a_file_that_says_so(slack: Running) -> None:
    upload(api(slack), CHANNEL, a_thread(slack), "", "", "")
    (row,) = shared(slack)
    assert row["files"][0]["name"] == "windsock.txt"
    assert httpx.get(row["files"][0]["url_private"], trust_env=False).text == "(empty)\n"


@pytest.mark.parametrize(
    ("code", "method"),
    [("missing_scope", "files.getUploadURLExternal"), ("is_archived", "files.completeUploadExternal")],
)
def test_what_slack_refuses_is_permanent_and_nothing_is_shown(slack: Running, code: str, method: str) -> None:
    ts = a_thread(slack)
    fault = {"kind": "error", "code": code, "method": method}
    httpx.post(f"{slack.url}/_sandbox/faults", json=fault, trust_env=False)
    with pytest.raises(Permanent) as refused:
        upload(api(slack), CHANNEL, ts, "a.txt", "text", "title")
    assert refused.value.code == code
    assert shared(slack) == []


@pytest.mark.parametrize(
    ("method", "acted"), [("files.getUploadURLExternal", False), ("files.completeUploadExternal", None)]
)
def test_only_the_last_answer_that_is_lost_leaves_it_open(slack: Running, method: str, acted: bool | None) -> None:
    ts = a_thread(slack)
    httpx.post(f"{slack.url}/_sandbox/faults", json={"kind": "lost_answer", "method": method}, trust_env=False)
    with pytest.raises(Temporary) as lost:
        upload(api(slack), CHANNEL, ts, "a.txt", "text", "title")
    assert lost.value.acted is acted
    assert len(shared(slack)) == (1 if acted is None else 0)


@contextmanager
def storage(status: int) -> Iterator[str]:
    """An upload address that answers this."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Retry-After", "7")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def pointing_to(url: str) -> WebClient:
    answer = SimpleNamespace(data={"upload_url": url, "file_id": "F1"})
    return cast(WebClient, SimpleNamespace(files_getUploadURLExternal=lambda **_: answer))


@pytest.mark.parametrize(("status", "wait"), [(429, 7.0), (503, 7.0)])
def test_a_storage_that_is_busy_is_temporary(status: int, wait: float) -> None:
    with storage(status) as url, pytest.raises(Temporary) as busy:
        upload(pointing_to(url), CHANNEL, "1.1", "a.txt", "text", "title")
    assert (busy.value.retry_after, busy.value.acted) == (wait, False)


def test_a_storage_that_refuses_is_permanent() -> None:
    with storage(413) as url, pytest.raises(Permanent) as refused:
        upload(pointing_to(url), CHANNEL, "1.1", "a.txt", "text", "title")
    assert refused.value.code == "413"


def test_a_storage_that_is_away_is_temporary() -> None:
    away = f"http://127.0.0.1:{free_port()}/"
    with pytest.raises(Temporary) as gone:
        upload(pointing_to(away), CHANNEL, "1.1", "a.txt", "text", "title")
    assert gone.value.acted is False
