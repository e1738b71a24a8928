"""What the whole channel is to hear is said with the message's edit, and the thread must not hide it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.core.alert import Alert, Kind
from bot.core.incident import Entry
from bot.core.view import View
from bot.responder.catch_up import Shown, catch_up, tell
from bot.responder.report import report
from tests.given import Clock, a_desk, failure, told


def test_a_thread_waits_until_the_message_shows_that_it_is_back(tmp_path: Path) -> None:
    clock, heard = Clock(), list[str]()
    desk = a_desk(f"sqlite:///{tmp_path / 'windsock.db'}", clock)

    def show(alert: Alert, seen: View) -> Shown:
        return Shown("C0ALERTS", "1.000001")

    def say(alert: Alert, seen: View, news: Sequence[Entry]) -> None:
        heard.extend(entry.what for entry in news)

    report(desk, [failure()])
    catch_up(desk, Kind.slack, show)
    report(desk, [told("task_succeeded", try_number=2)])
    clock.pass_by(seconds=5)
    catch_up(desk, Kind.slack, show)
    tell(desk, say)
    report(desk, [failure(run_id="the next one")])
    tell(desk, say)
    assert heard == ["opened", "resolved"], "the thread was told before the message was edited"
    clock.pass_by(seconds=5)
    catch_up(desk, Kind.slack, show)
    tell(desk, say)
    assert heard == ["opened", "resolved", "reopened"]
