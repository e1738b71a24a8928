"""catch_up with a scripted place: what is owed is shown, as it is now, once, whatever goes wrong on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.errors import Paced, Permanent, Temporary
from bot.core.incidents.alert import Alert, Kind
from bot.core.incidents.incident import Entry, State
from bot.core.incidents.routing import Policy, Route, matcher
from bot.core.incidents.view import View
from bot.responder.alerts import delivery as module
from bot.responder.alerts.delivery import Pacing, Shown, catch_up, run
from bot.responder.incidents.presses import note, press
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.store import alerts, incidents
from tests.given import ANA, PAGED, Clock, at_once, failure, some_services, told, wait_until

NAMES = ("one", "two", "three", "four", "five")  # figures in a message are masked


class Scripted:
    """A place that does what its script says, one step a call, then shows; it keeps what it was asked to show."""

    def __init__(self, *script: Exception | Callable[[], object]) -> None:
        self.script = list(script)
        self.calls: list[tuple[Alert, View]] = []
        self.posts = 0

    def __call__(self, alert: Alert, seen: View) -> Shown:
        self.calls.append((alert, seen))
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            step()
        self.posts += not alert.ref
        return Shown("C1", alert.ref or f"17.{self.posts}")

    @property
    def versions(self) -> list[int]:
        return [seen.incident.version for _, seen in self.calls]


@pytest.fixture
def services(tmp_path: Path, clock: Clock) -> Iterator[Services]:
    made = some_services(f"sqlite:///{tmp_path / 's.db'}", clock)
    report(made, [failure()])
    yield made
    made.store.close()


def alert(services: Services) -> Alert:
    with services.store.read() as t:
        (found,) = [one for i in incidents.listed(t) for one in alerts.of_incident(t, i.id)]
    return found


def change(services: Services, what: str = "cleared") -> None:
    note(services, 1, Entry(services.clock(), what, "something was done"))


def test_what_is_owed_is_shown_and_is_owed_no_more(services: Services) -> None:
    show = Scripted()
    catch_up(services, Kind.slack, show)
    catch_up(services, Kind.slack, show)
    assert show.versions == [1]
    assert (alert(services).shown, alert(services).ref, alert(services).channel_id) == (1, "17.1", "C1")
    assert not alert(services).posting


def test_a_burst_is_one_edit_of_what_is_true_now(services: Services, clock: Clock) -> None:
    show, pacing = Scripted(), Pacing()
    catch_up(services, Kind.slack, show, pacing)
    for n in range(10):
        report(services, [failure(task_id=f"t{n}")])
    assert catch_up(services, Kind.slack, show, pacing) == 1.5, "it looks again when the burst may be over"
    assert show.versions == [1], "two edits of one message are a second apart"
    clock.pass_by(seconds=1.5)
    catch_up(services, Kind.slack, show, pacing)
    assert show.versions == [1, 11]
    assert show.calls[1][1].counts.failures == 11
    assert show.posts == 1


def test_a_message_that_grows_for_ten_minutes_is_edited_ever_more_rarely_and_once_more_at_the_end(
    services: Services, clock: Clock
) -> None:
    show, pacing, begun = Scripted(), Pacing(), clock.now
    shown_at = list[float]()

    def look() -> None:
        before = len(show.calls)
        catch_up(services, Kind.slack, show, pacing)
        shown_at.extend([(clock.now - begun).total_seconds()] * (len(show.calls) - before))

    for n in range(1_200):
        report(services, [failure(task_id=f"t{n}")])
        look()
        clock.pass_by(seconds=0.5)
    assert shown_at[:5] == [0, 3, 12, 39, 69]
    assert len(shown_at) <= 4 + 600 / 30
    for _ in range(6):
        look()
        clock.pass_by(seconds=0.5)
    assert show.calls[-1][1].counts.failures == 1_201
    assert shown_at[-1] <= 601.5


def test_a_change_of_state_is_not_kept_back_by_growth(services: Services, clock: Clock) -> None:
    show, pacing = Scripted(), Pacing()
    catch_up(services, Kind.slack, show, pacing)
    for n in range(60):  # its message waits half a minute for its next edit
        report(services, [failure(task_id=f"t{n}")])
        catch_up(services, Kind.slack, show, pacing)
        clock.pass_by(seconds=0.9)
    seen = len(show.calls)
    report(
        services,
        [told("task_succeeded", task_id=name, try_number=2) for name in ("load", *(f"t{n}" for n in range(60)))],
    )
    catch_up(services, Kind.slack, show, pacing)
    assert len(show.calls) == seen + 1
    assert show.calls[-1][1].incident.state is State.resolved


def test_a_press_is_shown_at_once_however_the_message_grows(services: Services, clock: Clock) -> None:
    show, pacing = Scripted(), Pacing()
    catch_up(services, Kind.slack, show, pacing)
    report(services, [failure(task_id="other")])
    catch_up(services, Kind.slack, show, pacing)
    press(services, ANA, "acknowledge", 1)
    catch_up(services, Kind.slack, show, pacing)
    assert show.calls[-1][1].incident.holder == ANA


def test_what_is_paced_leaves_the_other_lanes_open_and_is_not_asked_again_before_its_time(
    services: Services, clock: Clock
) -> None:
    show, pacing = Scripted(), Pacing()
    for n in range(5):
        report(services, [failure(f"cause {NAMES[n]}", dag_id=f"dag_{n}")])
    catch_up(services, Kind.slack, show, pacing)
    for n in range(5):
        report(services, [failure(f"cause {NAMES[n]}", dag_id=f"dag_{n}", task_id="more")])
    clock.pass_by(seconds=4)
    show.calls, show.script = [], [Paced("fifty edits a minute", 1.5)]
    assert catch_up(services, Kind.slack, show, pacing) == 1.5
    assert len(show.calls) == 1, "one refusal of our own stands for all edits of counts"
    press(services, ANA, "acknowledge", 3)
    report(services, [failure("another cause", dag_id="new")])
    clock.pass_by(seconds=0.5)
    catch_up(services, Kind.slack, show, pacing)
    shown = [(a.incident_id, a.ref != "") for a, _ in show.calls[1:]]
    assert shown == [(3, True), (7, False)], "a press and a new incident do not wait for the counts of others"
    clock.pass_by(seconds=1)
    catch_up(services, Kind.slack, show, pacing)
    assert {a.incident_id for a, _ in show.calls[3:]} == {2, 4, 5, 6}


def test_what_was_rendered_is_recorded_even_if_the_incident_changed_meanwhile(services: Services, clock: Clock) -> None:
    show = Scripted(lambda: change(services))
    catch_up(services, Kind.slack, show)
    assert alert(services).shown == 1
    clock.pass_by(seconds=2)
    catch_up(services, Kind.slack, show)
    assert show.versions == [1, 2]
    assert alert(services).shown == 2


def test_a_temporary_fault_backs_off_and_the_alert_stays_owed(services: Services, clock: Clock) -> None:
    show = Scripted(Temporary("Slack is away"), Temporary("Slack is away"))
    for tries in (1, 2):
        catch_up(services, Kind.slack, show)
        assert (alert(services).shown, alert(services).tries, alert(services).error) == (0, tries, "Slack is away")
        due = alert(services).due_at
        assert due is not None
        assert due > clock()
        assert not alert(services).posting, "it is certain that nothing was posted"
        catch_up(services, Kind.slack, show)
        assert len(show.calls) == tries, "not before it is due"
        clock.pass_by(seconds=31)
    catch_up(services, Kind.slack, show)
    assert (alert(services).shown, alert(services).tries, alert(services).error) == (1, 0, "")


def test_it_waits_as_long_as_the_other_side_asks_for(services: Services, clock: Clock) -> None:
    catch_up(services, Kind.slack, Scripted(Temporary("rate limited", 17.0)))
    assert alert(services).due_at == clock() + timedelta(seconds=17)


def test_a_permanent_fault_is_tried_again_when_a_person_may_have_mended_it(services: Services, clock: Clock) -> None:
    show = Scripted(Permanent("the channel is not there", "channel_not_found"))
    catch_up(services, Kind.slack, show)
    assert (alert(services).shown, alert(services).error) == (0, "the channel is not there")
    assert not alert(services).posting, "a refused post was not made, so nobody need look for it"
    assert alert(services).due_at == clock() + module.PERMANENT_RETRY
    clock.pass_by(seconds=60)
    catch_up(services, Kind.slack, show)
    assert (alert(services).shown, alert(services).error) == (1, "")


def test_our_own_pace_is_no_try(services: Services, clock: Clock) -> None:
    due = alert(services).due_at
    assert catch_up(services, Kind.slack, Scripted(Paced("one message a second", 0.5))) == 0.5
    assert (alert(services).tries, alert(services).error, alert(services).posting) == (0, "", False)
    assert alert(services).due_at == due, "who has waited longest comes first"


def test_a_post_whose_answer_was_lost_is_looked_for_before_it_is_made_again(services: Services, clock: Clock) -> None:
    show = Scripted(Temporary("the connection broke", acted=None))
    catch_up(services, Kind.slack, show)
    clock.pass_by(seconds=31)
    assert alert(services).posting
    show.script = [Temporary("Slack is away"), Paced("later"), Permanent("no history", "missing_scope")]
    for _ in range(3):  # until it was found, or certainly not, nothing makes us forget
        catch_up(services, Kind.slack, show)
        clock.pass_by(seconds=61)
    catch_up(services, Kind.slack, show)
    assert [seen.posting for seen, _ in show.calls] == [False, True, True, True, True]
    assert not alert(services).posting


def test_a_bot_that_died_between_the_post_and_the_record_looks_for_it(services: Services, clock: Clock) -> None:
    def die() -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        catch_up(services, Kind.slack, Scripted(die))
    show = Scripted()
    catch_up(services, Kind.slack, show)
    assert show.calls == [], "the claim of the dead one holds for a minute"
    clock.pass_by(seconds=61)
    catch_up(services, Kind.slack, show)
    assert [seen.posting for seen, _ in show.calls] == [True]


def test_an_edit_is_not_looked_for(services: Services, clock: Clock) -> None:
    show = Scripted(lambda: None, Temporary("the connection broke", acted=None))
    catch_up(services, Kind.slack, show)
    change(services)
    clock.pass_by(seconds=2)
    catch_up(services, Kind.slack, show)
    assert not alert(services).posting


def test_a_message_that_somebody_deleted_is_posted_anew(services: Services, clock: Clock) -> None:
    show = Scripted(lambda: None, Permanent("gone", "message_not_found"))
    catch_up(services, Kind.slack, show)
    change(services)
    clock.pass_by(seconds=2)
    catch_up(services, Kind.slack, show)
    clock.pass_by(seconds=2)
    catch_up(services, Kind.slack, show)
    assert (show.posts, alert(services).ref, alert(services).shown) == (2, "17.2", 2)


def test_two_loops_show_one_alert_once(services: Services) -> None:
    shows = [Scripted(), Scripted()]
    results = at_once(*(lambda show=show: catch_up(services, Kind.slack, show) for show in shows))
    assert all(isinstance(result, float) for result in results), results
    assert sum(show.posts for show in shows) == 1


def test_one_place_that_fails_keeps_no_other_from_being_shown(services: Services) -> None:
    report(services, [failure("another cause", dag_id="bank")])
    show = Scripted(Permanent("no", "x"))
    catch_up(services, Kind.slack, show)
    assert len(show.calls) == 2
    assert show.posts == 1


@pytest.mark.parametrize(("minutes", "late"), [(0, 0.0), (10, 600.0)])
def test_a_first_message_that_comes_late_says_so(services: Services, clock: Clock, minutes: int, late: float) -> None:
    clock.pass_by(minutes=minutes)
    show = Scripted()
    catch_up(services, Kind.slack, show)
    assert show.calls[0][1].late == late


def test_it_says_when_it_wants_to_be_called_again(services: Services, clock: Clock) -> None:
    assert catch_up(services, Kind.slack, Scripted(Temporary("x", 2.5))) == 2.5
    clock.pass_by(seconds=3)
    assert catch_up(services, Kind.slack, Scripted()) == module.IDLE_SECONDS


def test_the_loop_outlives_everything(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(module, "CLAIM", timedelta(0))
    monkeypatch.setattr(module, "PERMANENT_RETRY", timedelta(0))
    show, stop = Scripted(ZeroDivisionError("a bug"), lambda: 1 / 0), threading.Event()
    loop = threading.Thread(target=run, args=(services, Kind.slack, show, stop), daemon=True)
    loop.start()
    wait_until(lambda: alert(services).shown == 1, lambda: (alert(services), len(show.calls)))
    stop.set()
    services.alerts_owed.set()
    loop.join(10)
    assert not loop.is_alive()


def test_when_slack_is_away_the_round_ends_so_that_a_press_comes_next(services: Services, clock: Clock) -> None:
    report(services, [failure(f"cause {NAMES[n]}", dag_id=f"dag_{n}") for n in range(5)])
    show = Scripted(*[Temporary("timed out", acted=None)] * 6)
    assert catch_up(services, Kind.slack, show) == module.SHORTEST_WAIT
    press(services, ANA, "acknowledge", 4)
    catch_up(services, Kind.slack, show)
    assert [a.incident_id for a, _ in show.calls] == [1, 4]


def test_what_was_mended_is_tried_at_once_for_all_that_failed_alike(services: Services, clock: Clock) -> None:
    report(services, [failure(f"cause {NAMES[n]}", dag_id=f"dag_{n}") for n in range(4)])
    show = Scripted(*[Permanent("Slack: the channel is archived", "is_archived")] * 5)
    catch_up(services, Kind.slack, show)
    assert len(show.calls) == 5
    assert show.posts == 0
    press(services, ANA, "acknowledge", 3)
    catch_up(services, Kind.slack, show)
    catch_up(services, Kind.slack, show)
    assert show.posts == 5


def test_a_channel_that_cannot_be_written_is_told_in_the_root_channel_with_its_reason_once(
    services: Services, clock: Clock
) -> None:
    services.policy = Policy((Route("finance", matcher({"dag": "bank"}, "match"), channel="#finance"),))
    report(services, [failure("another cause", dag_id="bank")])
    archived = Permanent("Slack: the channel is archived", "is_archived")

    def show(alert: Alert, seen: View) -> Shown:
        if alert.place.target == "#finance":
            raise archived
        return Shown("C1", alert.ref or "17.1")

    for _ in range(3):
        catch_up(services, Kind.slack, show)
        clock.pass_by(seconds=61)
    with services.store.read() as t:
        places = {one.place.target: one.shown for one in alerts.of_incident(t, 2)}
        said = [entry.text for entry in incidents.timeline(t, 2) if entry.what == "unwritable"]
    assert places["#data-alerts"] > 0
    assert places["#finance"] == 0
    assert said == ["#finance cannot be written: the channel is archived"]


@pytest.mark.parametrize("hours", [-1, -24, 1])
def test_a_clock_that_jumps_keeps_no_message_from_being_edited(services: Services, clock: Clock, hours: int) -> None:
    show, pacing = Scripted(), Pacing()
    catch_up(services, Kind.slack, show, pacing)
    clock.jump(hours=hours)
    report(services, [told("task_succeeded", try_number=2, occurred_at=clock().isoformat())])
    clock.pass_by(seconds=2)
    catch_up(services, Kind.slack, show, pacing)
    assert show.calls[-1][1].incident.state is State.resolved


def test_a_clock_that_is_put_back_ends_what_was_claimed_and_what_was_put_off(services: Services, clock: Clock) -> None:
    show, pacing = Scripted(Temporary("away"), Paced("our own pace", retry_after=1.0)), Pacing()
    catch_up(services, Kind.slack, show, pacing)
    with services.store.write() as t:
        alerts.change(t, 1, claimed_until=clock() + timedelta(seconds=60), tell_at=clock() + timedelta(seconds=60))
    clock.jump(hours=-1)
    catch_up(services, Kind.slack, show, pacing)
    clock.jump(hours=-1)
    catch_up(services, Kind.slack, show, pacing)
    assert show.posts == 1
    with services.store.read() as t:
        due = alerts.untold(t, clock())
    assert due is not None


def test_a_clock_that_is_put_back_rings_early_rather_than_an_hour_late(tmp_path: Path, clock: Clock) -> None:
    clock.pass_by(hours=1)
    services = some_services(f"sqlite:///{tmp_path / 'p.db'}", clock, pagers=PAGED)
    services.policy = Policy((Route("all", matcher({}, "match"), page_after=timedelta(minutes=5)),))
    report(services, [failure(occurred_at=clock().isoformat())])
    clock.jump(hours=-1)
    show = Scripted()
    catch_up(services, Kind.pager, show)
    assert len(show.calls) == 1
    services.store.close()
