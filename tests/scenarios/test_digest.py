"""The digest in the running bot: posted by itself once, and shown to whoever asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.scenarios.room import a_room, signal

WAITS_A_WHILE = 40


def test_the_digest_is_posted_once_and_shown_to_whoever_asks(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    day = (now - timedelta(days=1)).date()
    name = f"{day:%A} {day.day} {day:%B}"
    with a_room(tmp_path, DIGEST__AT=f"{now:%H:%M}") as room:
        room.expect(name, "alerts", seconds=WAITS_A_WHILE)
        room.report_all([signal(task_id=f"t{n}") for n in range(3)])
        room.expect("3 failures")
        room.say("/airflow digest today").expect_ephemeral("so far", "3 at ")
        room.settled()
        assert len(room.messages(name)) == 1
