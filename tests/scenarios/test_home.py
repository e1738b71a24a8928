"""App Home: what needs somebody, what is mine, what is quiet, what I did; live, and its buttons work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.imagined import FAILED, Imagined, an_imagined_room
from tests.scenarios.room import REFUSED, Room
from tests.scenarios.seen import Answer, Row, did, presses, words_of
from tests.scenarios.waiting import eventually

A_MINUTE = 6  # publishes for one person


@pytest.fixture
def airflow() -> Imagined:
    return Imagined()


@pytest.fixture
def room(airflow: Imagined, tmp_path: Path) -> Iterator[Room]:
    with an_imagined_room(tmp_path, airflow) as opened:
        yield opened


def home_of(room: Room, user: str = "ana") -> Row:
    view: Row = room.eyes._client.get("/_sandbox/state", params={"user": user}).json()["home"] or {}
    return view


def opened(room: Room, user: str = "ana") -> Row:
    """It is drawn at once, and again when it is known how Airflow is; what is pressed in between may be gone by then."""
    room.eyes.do("home", user=user)
    return expect_home(room, "*Airflow*", user=user)


def expect_home(room: Room, *words: str, without: str = "", user: str = "ana") -> Row:
    def look() -> Row | None:
        view = home_of(room, user)
        said = words_of(view)
        return view if all(word in said for word in words) and not (without and without in said) else None

    found = eventually(look, lambda: (words, words_of(home_of(room, user))))
    assert found is not None
    return found


def press(room: Room, label: str, user: str = "ana") -> Answer:
    found = [one for one in presses(home_of(room, user)) if one[0] == label]
    assert found, presses(home_of(room, user))
    _, action, value, block = found[0]
    return did(room.eyes, user, "click", action_id=action, value=value, block_id=block)


def published(room: Room) -> int:
    return len([row for row in room.eyes.log("views.publish") if row["ok"]])


def test_it_is_drawn_when_it_is_opened_and_again_when_something_happens(room: Room) -> None:
    opened(room)
    expect_home(room, "No alert needs somebody", "You are *operator*", "✓ test is well")
    room.report(exception=REFUSED, run_id=FAILED, map_index=0)
    expect_home(room, "1 alert needs somebody", "🔴 *sales_daily.load[0] failed", "A-1 · since", "nobody has it")


def test_its_buttons_do_what_they_say(room: Room, airflow: Imagined) -> None:
    room.report(exception=REFUSED, run_id=FAILED, map_index=0)
    alert = room.expect("sales_daily.load")
    opened(room)
    expect_home(room, "1 alert needs somebody")
    press(room, "Acknowledge")
    expect_home(
        room, "No alert needs somebody", "*Yours*", "👀 *sales_daily.load[0]", "took A-1 · undo: `/airflow unack A-1`"
    )
    alert.expect_edit("Ana has it")
    asked = press(room, "Retry")
    asked.expect_modal("Clear 1 task instance of sales_daily?", "load[0]")
    assert airflow.cleared == []
    room.eyes.do("submit", user="ana", values={})
    asked.expect_modal("*Asked:* clearing 1 task instance")
    eventually(lambda: airflow.cleared, lambda: airflow.asked)
    room.eyes.do("close", user="ana")
    for label, words in (("All open alerts", "A-1"), ("Status", "test is well"), ("Help", "whoami")):
        press(room, label).expect_modal(words)
        room.eyes.do("close", user="ana")


def test_what_is_quiet_can_be_ended_there_and_what_i_did_says_how_to_undo_it(room: Room) -> None:
    room.say("/airflow silence orders_hourly for 2h vendor outage").expect_ephemeral("S-1")
    opened(room)
    expect_home(
        room,
        "*S-1* all of `orders_hourly` until",
        "Ana: “vendor outage”",
        "silenced S-1 · undo: `/airflow unsilence S-1`",
    )
    press(room, "End it now")
    expect_home(room, "ended S-1", without="Quiet on purpose")


def test_a_pause_says_how_to_undo_it(room: Room, airflow: Imagined) -> None:
    asked = room.say("/airflow pause orders_hourly").expect_ephemeral("Pause orders_hourly?")
    asked.press("Confirm: pause 1 DAG")
    eventually(lambda: airflow.known["orders_hourly"].is_paused, lambda: airflow.known)
    opened(room)
    expect_home(room, "paused `orders_hourly` · undo: `/airflow unpause orders_hourly`")


def test_a_viewer_sees_everything_and_is_offered_no_deed(tmp_path: Path) -> None:
    with an_imagined_room(tmp_path, Imagined(), access={"responder": ["U0ANA"]}) as room:
        room.report(exception=REFUSED)
        room.expect("sales_daily.load")
        room.say("/airflow silence orders_hourly for 2h vendor outage").expect_ephemeral("S-1")
        opened(room, "ben")
        view = expect_home(room, "1 alert needs somebody", "Quiet on purpose", "You are *viewer*", user="ben")
        assert [label for label, *_ in presses(view)] == ["All open alerts", "Status", "Help"]
        assert "Acknowledge" in [label for label, *_ in presses(opened(room, "ana"))]


def test_a_role_that_was_lost_meanwhile_is_refused_in_words(room: Room) -> None:
    room.report(exception=REFUSED)
    room.expect("sales_daily.load")
    opened(room)
    expect_home(room, "1 alert needs somebody")
    # else the home may be drawn without the button before it is pressed
    room.fault(kind="error", method="views.publish", code="internal_error", seconds=60)
    room.bot.windsock.services.access = type(room.bot.windsock.services.access)()
    press(room, "Acknowledge").expect_modal("Nothing was changed", "responder")
    assert room.timeline(1) == [("", "opened")]


def test_an_airflow_that_does_not_answer_keeps_nobodys_home_from_being_shown(room: Room, airflow: Imagined) -> None:
    airflow.trouble = "Airflow (test) did not answer within 2 s"
    opened(room)
    expect_home(room, "No alert needs somebody", "⚠️ *test does not answer*")


def test_a_storm_publishes_a_few_times_a_minute(room: Room) -> None:
    """What changes all the time is shown some times; the rest waits."""
    opened(room)
    expect_home(room, "✓ test is well")
    for number in range(12):
        room.report("external", name=f"trouble {number}")
        opened(room)
    assert published(room) <= A_MINUTE


def test_a_home_that_would_look_the_same_is_not_published_again(room: Room) -> None:
    opened(room)
    expect_home(room, "✓ test is well")
    before = published(room)
    for _ in range(3):
        room.bot.windsock.slack.homes.round()
    assert published(room) == before
    room.report("external", name="disk almost full")
    expect_home(room, "1 alert needs somebody")
