"""Threads: every line once, whatever is lost on the way; what the whole channel is to hear, as the route wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.config.routes import policy_of
from bot.config.settings import Settings
from bot.core.errors import Paced, Permanent, Temporary
from bot.core.incidents.alert import Alert, Kind
from bot.core.incidents.incident import Entry
from bot.core.incidents.routing import Policy, Route, matcher
from bot.core.incidents.view import View
from bot.responder.alerts.delivery import Shown, catch_up
from bot.responder.alerts.threads import BATCH, Said, tell
from bot.responder.incidents.presses import note, press
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.store import alerts, incidents
from tests.given import ANA, RUN, Clock, failure, some_services, told

NEXT_RUN = "scheduled__2026-11-23T05:00:00+00:00"
Step = Exception | Callable[[], object]


class Thread:
    """A thread that does what its script says, one step a message, and keeps what was said. A step `lost` says it all the
    same and then raises."""

    def __init__(self, *script: Step) -> None:
        self.script = list(script)
        self.held: list[tuple[int, int, bool]] = []  # (alert, entry, rung)
        self.lines: list[str] = []
        self.rung: list[str] = []
        self.looked: list[datetime] = []

    def say(self, alert: Alert, _: View, news: Sequence[Entry]) -> None:
        def done() -> None:
            self.lines.extend(entry.what for entry in news)
            self.held.append((alert.id, news[-1].id, False))

        self._step(done)

    def ring(self, alert: Alert, _: View, entry: Entry) -> None:
        def done() -> None:
            self.rung.append(entry.what)
            self.held.append((alert.id, entry.id, True))

        self._step(done)

    def said(self, alert: Alert, since: datetime) -> Said:
        self.looked.append(since)
        mine = [(entry, rung) for one, entry, rung in self.held if one == alert.id]
        return Said(
            max((e for e, rung in mine if not rung), default=0), max((e for e, rung in mine if rung), default=0)
        )

    def _step(self, done: Callable[[], object]) -> None:
        step = self.script.pop(0) if self.script else None
        lost = isinstance(step, Temporary) and step.acted is None
        if lost or not isinstance(step, Exception):
            done()
        if isinstance(step, Exception):
            raise step
        if step is not None:
            step()


LOST = Temporary("the answer was lost", acted=None)


@pytest.fixture
def services(tmp_path: Path, clock: Clock) -> Iterator[Services]:
    made = some_services(f"sqlite:///{tmp_path / 's.db'}", clock)
    report(made, [failure()])
    shown(made)
    yield made
    made.store.close()


def shown(services: Services) -> None:
    def show(alert: Alert, seen: View) -> Shown:
        return Shown(f"C{alert.place.target}", alert.ref or f"17.{alert.id}")

    catch_up(services, Kind.slack, show)
    services.alerts_owed.clear()


def again(services: Services, clock: Clock, run_id: str = NEXT_RUN, well: str = RUN) -> None:
    """It is well, and fails once more, and the message shows it."""
    report(services, [told("task_succeeded", try_number=2, run_id=well)])
    clock.pass_by(seconds=40)
    shown(services)
    report(services, [failure(run_id=run_id)])
    clock.pass_by(seconds=40)
    shown(services)


def later(services: Services, clock: Clock, thread: Thread) -> None:
    clock.pass_by(seconds=15)
    tell(services, thread)


def test_each_line_is_said_once(services: Services) -> None:
    thread = Thread()
    tell(services, thread)
    press(services, ANA, "acknowledge", 1)
    services.alerts_owed.clear()
    tell(services, thread)
    tell(services, thread)
    assert thread.lines == ["opened", "acknowledged"]
    assert thread.looked == [], "nothing was lost, so nothing is read back"


def test_what_certainly_was_not_said_is_said_later_without_a_look(services: Services, clock: Clock) -> None:
    thread = Thread(Temporary("Slack is away"))
    tell(services, thread)
    assert thread.lines == []
    later(services, clock, thread)
    assert (thread.lines, thread.looked) == (["opened"], [])


def test_a_line_whose_answer_was_lost_is_read_back_and_not_said_again(services: Services, clock: Clock) -> None:
    thread = Thread(LOST)
    tell(services, thread)
    later(services, clock, thread)
    assert thread.lines == ["opened"]
    assert thread.looked == [clock() - timedelta(seconds=15, minutes=5)], (
        "from when it was begun, and the clocks may differ"
    )


def test_a_line_that_never_arrived_is_said_after_the_look(services: Services, clock: Clock) -> None:
    thread = Thread(LOST)
    tell(services, thread)
    thread.held, thread.lines = [], []  # Slack lost it, too
    later(services, clock, thread)
    assert thread.lines == ["opened"]


def test_a_bot_that_was_killed_between_the_line_and_the_record_looks_first(services: Services, clock: Clock) -> None:
    def die() -> None:
        raise SystemExit

    thread = Thread(die)
    with pytest.raises(SystemExit):
        tell(services, thread)
    clock.pass_by(seconds=61)  # its claim is over
    tell(services, thread)
    tell(services, thread)
    assert thread.lines == ["opened"]
    assert len(thread.looked) == 1


def test_of_many_lines_only_those_are_repeated_that_were_not_said(services: Services, clock: Clock) -> None:
    for n in range(2 * BATCH):
        note(services, 1, Entry(clock(), f"n{n}", "a note"))
    services.alerts_owed.clear()
    thread = Thread(lambda: None, LOST)
    tell(services, thread)
    later(services, clock, thread)
    assert thread.lines == ["opened", *(f"n{n}" for n in range(2 * BATCH))]


def test_that_it_is_back_is_rung_once_although_the_answer_was_lost(services: Services, clock: Clock) -> None:
    again(services, clock)
    thread = Thread(LOST)
    tell(services, thread)
    later(services, clock, thread)
    assert (thread.rung, thread.lines) == (["reopened"], ["opened", "resolved", "reopened"])
    again(services, clock, "scheduled__2026-11-24T05:00:00+00:00", NEXT_RUN)
    tell(services, thread)
    assert thread.rung == ["reopened", "reopened"]


def test_the_channel_hears_it_when_the_message_shows_it_and_waits_no_longer_than_a_moment(
    services: Services, clock: Clock
) -> None:
    thread = Thread()
    again(services, clock)
    report(services, [told("task_succeeded", try_number=2, run_id=NEXT_RUN)])
    report(services, [failure(run_id="manual__1", occurred_at=clock().isoformat())])
    services.alerts_owed.clear()
    tell(services, thread)
    assert thread.rung == [], "the message was not edited yet"
    later(services, clock, thread)
    assert thread.rung == ["reopened"], "the edit did not come, and it is heard all the same"


@pytest.mark.parametrize(
    ("broadcast", "severity", "rings"),
    [("always", "warning", 2), ("never", "critical", 0), ("first", "warning", 1), ("error", "warning", 0),
     ("error", "error", 2), ("critical", "error", 0), ("critical", "critical", 2)],
)  # fmt: skip
def test_a_route_chooses_what_its_channel_hears(
    tmp_path: Path, clock: Clock, broadcast: str, severity: str, rings: int
) -> None:
    route = {"name": "sales", "match": {"dag": "sales"}, "broadcast": broadcast, "severity": severity}
    services = some_services(f"sqlite:///{tmp_path / 's.db'}", clock, policy=policy_of(Settings(routes=[route])))
    thread = Thread()
    report(services, [failure()])
    shown(services)
    for well, run_id in ((RUN, NEXT_RUN), (NEXT_RUN, "manual__1")):
        again(services, clock, run_id, well)
        tell(services, thread)
    assert len(thread.rung) == rings
    assert thread.lines == ["opened", *["resolved", "reopened"] * 2], "the thread tells everything"
    services.store.close()


@pytest.mark.parametrize("wrong", ["sometimes", True, "warning"])
def test_a_broadcast_that_is_none_is_named(wrong: object) -> None:
    with pytest.raises(
        ValueError, match=r"^routes\[0\]\.broadcast: must be one of always, never, first, error, critical"
    ):
        policy_of(Settings(routes=[{"broadcast": wrong}]))


def test_a_channel_that_is_paced_keeps_no_other_thread_from_being_told(services: Services, clock: Clock) -> None:
    services.policy = Policy((Route("bank", matcher({"dag": "bank"}, "match"), channel="#bank"),))
    report(services, [failure("another cause", dag_id="bank")])
    shown(services)
    thread = Thread(Paced("one message a second", 0.7))
    assert tell(services, thread) == 0.7
    assert thread.held == [(2, 2, False)]


def test_after_each_line_the_alerts_come_first(services: Services, clock: Clock) -> None:
    for n in ("one", "two", "three"):
        report(services, [failure(f"cause {n}", dag_id=f"dag_{n}")])
    shown(services)
    thread = Thread(lambda: report(services, [failure("something else", dag_id="new")]))
    tell(services, thread)
    assert len(thread.lines) == 1


def test_the_thread_of_a_deleted_message_is_told_under_the_new_one(services: Services, clock: Clock) -> None:
    thread = Thread(Permanent("Slack: the message was deleted", "thread_not_found"))
    tell(services, thread)
    assert services.alerts_owed.is_set(), "the message is owed again"
    posted: list[Alert] = []

    def show(alert: Alert, seen: View) -> Shown:
        posted.append(alert)
        return Shown("C1", "18.1")

    catch_up(services, Kind.slack, show)
    assert [alert.ref for alert in posted] == [""]
    services.alerts_owed.clear()
    tell(services, thread)
    assert thread.lines == ["opened"]


def test_in_a_channel_that_cannot_be_written_one_thread_is_tried_a_minute(services: Services, clock: Clock) -> None:
    report(services, [failure("another cause", dag_id="bank")])
    shown(services)
    thread = Thread(*[Permanent("Slack: the channel is archived", "is_archived")] * 2)
    tell(services, thread)
    assert len(thread.script) == 1
    clock.pass_by(seconds=61)
    tell(services, thread)
    assert (thread.script, thread.lines) == ([], [])
    clock.pass_by(seconds=61)
    tell(services, thread)
    assert thread.lines == ["opened", "opened"]


def test_a_line_that_slack_does_not_take_is_left_out(services: Services, clock: Clock) -> None:
    thread = Thread(Permanent("Slack: invalid blocks", "invalid_blocks"))
    tell(services, thread)
    later(services, clock, thread)
    assert thread.lines == []
    press(services, ANA, "acknowledge", 1)
    services.alerts_owed.clear()
    tell(services, thread)
    assert thread.lines == ["acknowledged"]


def test_every_thread_is_told_in_the_end(services: Services) -> None:
    with services.store.read() as t:
        (one,) = alerts.of_incident(t, 1)
        assert one.told == 0
    tell(services, Thread())
    with services.store.read() as t:
        assert alerts.of_incident(t, 1)[0].told == incidents.timeline(t, 1)[-1].id
        assert alerts.next_tell(t, services.clock()) is None
