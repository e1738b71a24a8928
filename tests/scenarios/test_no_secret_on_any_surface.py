"""The whole corpus of secrets through the front door: none of it is on any surface, and what is no secret is still there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.core import corpus
from tests.scenarios.room import ROOT, Room, a_room
from tests.scenarios.waiting import eventually

TOGETHER = 14  # texts of one signal
MASKED = [
    (text, secret) for text, secret in corpus.masked() if len(secret) > 4
]  # a shorter one stands anywhere by chance
PLAIN = [text for text in corpus.plain() if len(text) > 12 and not {'"', "\\", "\x1b"} & {*text}]  # signs are cleaned
BATCHES = [MASKED[start : start + TOGETHER] for start in range(0, len(MASKED), TOGETHER)]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("surfaces")
    with a_room(folder, apart=True, SLACK__NEW_MESSAGES_A_MINUTE="60") as made:
        made.folder = folder  # type: ignore[attr-defined]
        for number, batch in enumerate(BATCHES):
            text = "\n".join(text for text, _ in batch)
            first = batch[0][0]
            made.report(dag_id=f"dag_{number}", task_id="load", tags=["critical"], owner=first[:200], hostname=first[:200],
                        exception={"type": "ValueError", "message": f"cause {chr(97 + number % 26)} {text}", "traceback": text})  # fmt: skip
        made.report("check_failed", check="custom", name="x", sentence=MASKED[0][0], extra={"said": MASKED[1][0]})
        made.say(f"/airflow ack A-1 {MASKED[2][0]}")
        made.say(f"/airflow silence A-2 for 2h {MASKED[3][0]}")
        made.say(f"/airflow resolve A-3 {MASKED[4][0]}")
        eventually(lambda: len(made.messages()) >= len(BATCHES), made.all_words, 150)
        yield made


def command(room: Room, *words: str) -> str:
    """What the command line prints about the same store."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("WINDSOCK_")}
    env["WINDSOCK_STORE__URL"] = f"sqlite:///{room.folder / 'windsock.db'}"  # type: ignore[attr-defined]
    done = subprocess.run(
        [sys.executable, "-m", "bot", *words], env=env, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


SURFACES = {
    "Slack's messages and threads": lambda room: json.dumps(room.eyes.rows(), ensure_ascii=False),
    "what was sent to Slack": lambda room: json.dumps(room.eyes.log(), ensure_ascii=False),
    "PagerDuty": lambda room: json.dumps(room.pagerduty.incidents(), ensure_ascii=False),
    "/v1/incidents": lambda room: room.get("/v1/incidents").text,
    "/v1/incidents/N": lambda room: "".join(room.get(f"/v1/incidents/{n}").text for n in range(1, len(BATCHES) + 1)),
    "/metrics and /readyz": lambda room: room.get("/metrics").text + room.get("/readyz").text,
    "the command line": lambda room: command(room, "incidents", "--json") + command(room, "audit", "--json")
    + "".join(command(room, "timeline", f"A-{n}") for n in range(1, 6)),
    "the store's files": lambda room: "".join(p.read_bytes().decode("utf-8", "replace") for p in room.folder.glob("windsock.db*")),
    "the log": lambda room: (room.folder / "bot.log").read_text() if (room.folder / "bot.log").exists() else str(room.bot.last_words),
}  # fmt: skip


@pytest.mark.timeout(240)
@pytest.mark.parametrize("surface", SURFACES)
def test_no_secret_is_there(room: Room, surface: str) -> None:
    shown = SURFACES[surface](room)
    assert shown
    found = [secret for _, secret in MASKED if secret in shown or json.dumps(secret)[1:-1] in shown]
    # what people typed is in the log of the local Slack, which is their own side of it
    typed = {MASKED[n][1] for n in (2, 3, 4)} if surface == "what was sent to Slack" else set()
    assert [one for one in found if one not in typed] == []


def test_what_is_no_secret_is_whole_where_it_is_kept(room: Room) -> None:
    for start in range(0, len(PLAIN), 100):
        trace = "\n".join(PLAIN[start : start + 100])
        room.report(dag_id="plain", run_id=f"r{start}",
                    exception={"type": "ValueError", "message": "plain words", "traceback": trace})  # fmt: skip
    shown = eventually(
        lambda: next(
            (one for one in room.get("/v1/incidents").json()["incidents"] if "plain" in json.dumps(one)), None
        ),
        room.all_words,
    )
    assert shown
    kept = SURFACES["the store's files"](room)
    missing = [
        text
        for text in PLAIN
        if json.dumps(text, ensure_ascii=False)[1:-1] not in kept and json.dumps(text)[1:-1] not in kept
    ]
    assert len(missing) <= len(PLAIN) // 100, missing
