"""New messages a minute have a bound: the worst come first, one message counts the rest, and each gets its own in the end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from string import ascii_lowercase

import pytest

from bot.core.errors import Paced, Permanent, Temporary
from bot.core.incidents.alert import Alert, Kind
from bot.core.incidents.routing import Policy, Route, Severity, Silence, matcher
from bot.core.incidents.view import View
from bot.core.signals.signal import Signal
from bot.responder.alerts import overflow
from bot.responder.alerts.delivery import Pacing, Shown, catch_up
from bot.responder.alerts.overflow import Rest
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.slack.alert.overflow import waiting
from bot.store import alerts, silences
from tests.given import Clock, failure, some_services

BOUND = 5


class Channel:
    """Shows whatever comes, and keeps the order in which it did."""

    def __init__(self) -> None:
        self.posts: list[Severity] = []
        self.told: list[tuple[str, bool, str]] = []
        self.script: list[Exception] = []

    def show(self, alert: Alert, seen: View) -> Shown:
        if not alert.ref:
            self.posts.append(seen.incident.severity)
        return Shown("C1", alert.ref or f"17.{len(self.posts)}")

    def count(self, rest: Rest, *, begun: bool) -> tuple[str, str]:
        self.told.append((waiting(rest)["text"], begun, rest.ref))
        if self.script:
            raise self.script.pop(0)
        return "C1", rest.ref or "99.1"


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Services]:
    url = f"sqlite:///{tmp_path / 's.db'}" if request.param == "sqlite" else request.getfixturevalue("database")
    made = some_services(url, clock, new_a_minute=BOUND)
    yield made
    made.store.close()


def causes(number: int, **changed: object) -> list[Signal]:
    """So many failures, each of a cause of its own."""
    words = [a + b for a in ascii_lowercase for b in ascii_lowercase][:number]
    return [failure(f"{word} went wrong", dag_id=f"dag_{word}", **changed) for word in words]


def critical(dag_id: str) -> Signal:
    return failure(f"{dag_id} burns", dag_id=dag_id, tags=["critical"])


def pass_by(services: Services, clock: Clock, channel: Channel, pacing: Pacing, seconds: int) -> None:
    for _ in range(seconds):
        clock.pass_by(seconds=1)
        catch_up(services, Kind.slack, channel.show, pacing)
        overflow.tell(services, channel.count)


def test_what_is_silenced_is_posted_after_what_notifies(services: Services) -> None:
    channel, now = Channel(), services.clock()
    with services.store.write() as t:
        silences.add_silence(t, Silence(0, "dag:payments*", "prod", now + timedelta(hours=1), "Ana", "known"), now)
    report(services, [*(critical(f"payments_{n}") for n in range(4)), *causes(2)])
    catch_up(services, Kind.slack, channel.show, Pacing())
    assert channel.posts[:2] == [Severity.error, Severity.error]
    assert channel.posts[2:] == [Severity.critical]


def test_the_worst_is_posted_first_though_it_came_last(services: Services) -> None:
    channel = Channel()
    report(services, [*causes(4), critical("payments")])
    catch_up(services, Kind.slack, channel.show)
    assert channel.posts == [Severity.critical, *[Severity.error] * 4]


def test_beyond_the_bound_one_message_counts_the_rest_and_each_gets_its_own_in_the_end(
    services: Services, clock: Clock
) -> None:
    channel, pacing = Channel(), Pacing()
    report(services, causes(13))
    catch_up(services, Kind.slack, channel.show, pacing)
    overflow.tell(services, channel.count)
    assert len(channel.posts) == BOUND
    assert channel.told == [("⏳ and 8 more new alerts: 8 errors", False, "")]
    pass_by(services, clock, channel, pacing, 61)
    assert len(channel.posts) == 2 * BOUND
    assert channel.told[-1] == ("⏳ and 3 more new alerts: 3 errors", True, "99.1")
    pass_by(services, clock, channel, pacing, 65)
    assert len(channel.posts) == 13
    assert channel.told[-1] == ("✓ Each of the new alerts that were counted here has its own message now", True, "99.1")
    edits = len(channel.told)
    pass_by(services, clock, channel, pacing, 130)
    assert (len(channel.posts), len(channel.told)) == (13, edits), "all is shown, and nothing more is said"


def test_no_minute_has_more_new_messages_than_the_bound(services: Services, clock: Clock) -> None:
    channel, pacing, per_second = Channel(), Pacing(), list[int]()
    report(services, causes(40))
    for _ in range(600):
        before = len(channel.posts)
        catch_up(services, Kind.slack, channel.show, pacing)
        per_second.append(len(channel.posts) - before)
        clock.pass_by(seconds=1)
    assert len(channel.posts) == 40
    assert max(sum(per_second[n : n + 60]) for n in range(540)) == BOUND


def test_a_critical_alert_does_not_wait_for_the_bound(services: Services, clock: Clock) -> None:
    channel, pacing = Channel(), Pacing()
    report(services, causes(12))
    catch_up(services, Kind.slack, channel.show, pacing)
    clock.pass_by(seconds=1)
    report(services, [critical("payments")])
    catch_up(services, Kind.slack, channel.show, pacing)
    assert channel.posts == [*[Severity.error] * BOUND, Severity.critical]


def test_a_storm_of_critical_alerts_has_a_bound_too_and_says_what_waits(services: Services) -> None:
    channel, pacing = Channel(), Pacing()
    report(services, [*causes(3), *(critical(f"pay_{word}") for word in "abcdefghijklmnop")])
    catch_up(services, Kind.slack, channel.show, pacing)
    overflow.tell(services, channel.count)
    assert channel.posts == [Severity.critical] * 2 * BOUND
    assert channel.told[-1][0] == "⏳ and 9 more new alerts: 6 critical and 3 errors"


def test_each_channel_has_its_own_bound(services: Services) -> None:
    channel = Channel()
    services.policy = Policy(routes=(Route("others", matcher({"tag": ["others"]}, "match"), channel="#others"),))
    report(
        services, [*causes(8), *(failure(f"{word} broke", dag_id=f"other_{word}", tags=["others"]) for word in "abc")]
    )
    catch_up(services, Kind.slack, channel.show)
    assert len(channel.posts) == BOUND + 3


def test_a_process_that_begins_anew_keeps_to_the_bound_and_to_its_message(services: Services, clock: Clock) -> None:
    channel = Channel()
    report(services, causes(9))
    catch_up(services, Kind.slack, channel.show, Pacing())
    overflow.tell(services, channel.count)
    clock.pass_by(seconds=6)
    report(services, causes(12)[9:])
    catch_up(services, Kind.slack, channel.show, Pacing())
    overflow.tell(services, channel.count)
    assert len(channel.posts) == BOUND
    assert channel.told[1:] == [("⏳ and 7 more new alerts: 7 errors", True, "99.1")]


def test_a_count_whose_answer_was_lost_is_looked_for_and_not_posted_twice(services: Services, clock: Clock) -> None:
    channel, pacing = Channel(), Pacing()
    report(services, causes(9))
    catch_up(services, Kind.slack, channel.show, pacing)
    channel.script = [Temporary("Slack: no answer", acted=None)]
    pass_by(services, clock, channel, pacing, 50)
    assert [begun for _, begun, _ in channel.told] == [False], "it may be there: nobody posts another one"
    pass_by(services, clock, channel, pacing, 12)
    assert channel.told[1][1:] == (True, ""), "it is looked for by its mark"


@pytest.mark.parametrize("refused", [Paced("later", retry_after=1.0), Permanent("Slack: is_archived", "is_archived")])
def test_a_count_that_was_surely_not_posted_is_tried_again(
    services: Services, clock: Clock, refused: Exception
) -> None:
    channel, pacing = Channel(), Pacing()
    report(services, causes(9))
    catch_up(services, Kind.slack, channel.show, pacing)
    channel.script = [refused]
    overflow.tell(services, channel.count)
    pass_by(services, clock, channel, pacing, 1)
    assert [(begun, ref) for _, begun, ref in channel.told] == [(False, ""), (False, "")]


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_jumps_closes_no_channel(services: Services, clock: Clock, hours: int) -> None:
    channel = Channel()
    report(services, causes(BOUND))
    catch_up(services, Kind.slack, channel.show, Pacing())
    clock.pass_by(seconds=3600 * hours)
    with services.store.read() as t:
        assert alerts.posted(t, clock()) == {}
    assert overflow.full(services) == {}
