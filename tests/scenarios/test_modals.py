"""A command without its words asks for them in a window, with type-ahead, and ends in the same preview."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.core.access import NEEDS
from bot.core.airflow.protocol import Dag
from tests.scenarios.imagined import FAILED, NEWEST, Imagined, an_imagined_room
from tests.scenarios.room import REFUSED, Room, seconds_of
from tests.scenarios.seen import CHANNEL, Answer, Row, did, words_of
from tests.scenarios.waiting import eventually

SUGGESTIONS_ARE_DUE = 3.0  # Slack's own limit
CHOSEN = "Which task instances"  # asked once there is a DAG
BARE = ("clear", "mark", "pause", "unpause", "trigger", "backfill", "runs", "tasks", "logs")


@pytest.fixture
def airflow() -> Imagined:
    return Imagined()


@pytest.fixture(params=["socket", "http"])
def room(request: pytest.FixtureRequest, airflow: Imagined, tmp_path: Path) -> Iterator[Room]:
    with an_imagined_room(tmp_path, airflow, mode=request.param) as opened:
        yield opened


@pytest.fixture
def here(airflow: Imagined, tmp_path: Path) -> Iterator[Room]:
    with an_imagined_room(tmp_path, airflow) as opened:
        yield opened


def offered(room: Room, name: str, typed: str = "", user: str = "ana") -> Row:
    """What the type-ahead offers, once the window asks that."""
    eventually(lambda: f'"action_id": "{name}"' in json.dumps(room.eyes.modal(user)), lambda: room.eyes.modal(user))
    return room.eyes.do("suggest", user=user, action_id=name, value=typed)


def pick(room: Room, name: str, value: str, typed: str = "", user: str = "ana") -> Answer:
    """Type, and pick the option with this value."""
    offered(room, name, typed, user)
    return did(room.eyes, user, "click", action_id=name, value=value)


def submitted(room: Room, user: str = "ana", **values: Any) -> Row:
    return room.eyes.do("submit", user=user, values=values)


def button(room: Room, user: str = "ana") -> str:
    view = room.eyes.modal(user)
    return str(view["submit"]["text"]) if view and view["submit"] else ""


def block(room: Room, start: str, user: str = "ana") -> Row:
    """The block of the open window whose name begins so."""
    view = room.eyes.modal(user)
    assert view is not None
    found = [one for one in view["blocks"] if one["block_id"].startswith(start)]
    assert found, words_of(view)
    return dict(found[0])


def test_from_the_bare_command_to_airflow(room: Room, airflow: Imagined) -> None:
    """DAG, run, task by type-ahead; the preview; the confirmation; exactly that in Airflow."""
    asked = room.say("/airflow clear")
    asked.expect_modal("Clear", "DAG", "Nothing is changed yet")
    assert [row["value"] for row in offered(room, "dag", "SALES")["options"]] == [
        "test:sales_daily",
        "test:sales_weekly",
    ]
    pick(room, "dag", "test:sales_daily")
    asked.expect_modal("Run", f"✗ failed · {FAILED}", "All tasks of the run")
    assert [row["value"] for row in offered(room, "run")["options"]] == [NEWEST, FAILED]
    pick(room, "run", FAILED, "21T05")
    assert [row["value"] for row in offered(room, "task", "fail")["options"]] == ["load", "load[0]", "publish"]
    pick_task = block(room, "task-")["block_id"]
    assert submitted(room, **{pick_task: "load[0]"})["ok"]
    asked.expect_modal("Clear 1 task instance of sales_daily?", FAILED, "load[0]", "Nothing has been changed yet")
    assert button(room) == "Confirm: clear 1"
    assert airflow.cleared == []
    submitted(room)
    asked.expect_modal("*Asked:* clearing 1 task instance")
    eventually(lambda: airflow.cleared, lambda: airflow.asked)
    (scope,) = airflow.cleared
    assert (scope.dag_id, scope.run_id, scope.tasks) == ("sales_daily", FAILED, (("load", 0),))


@pytest.mark.parametrize("verb", BARE)
def test_every_verb_that_needs_a_dag_asks_for_it(here: Room, verb: str) -> None:
    asked = here.say(f"/airflow {verb}")
    view = asked.expect_modal("DAG").view
    assert view["callback_id"] == "choose"
    pick(here, "dag", "test:orders_hourly")
    eventually(
        lambda: verb in {"pause", "unpause"} or len(here.eyes.modal("ana")["blocks"]) > 2,
        lambda: here.eyes.modal("ana"),
    )


def test_a_state_that_was_left_out_is_asked_for(here: Room) -> None:
    asked = here.say("/airflow mark sales_daily.load")
    asked.expect_modal("Mark", "sales_daily", "Mark as", "success", f"✗ failed · {FAILED}", "✗ failed · load[0]")
    submitted(here, state="skipped", reason="the file came by hand")
    asked.expect_modal("Mark 1 task instance of sales_daily skipped?")
    assert button(here) == "Confirm: mark 1 skipped"


def test_what_may_not_be_done_opens_no_window(tmp_path: Path) -> None:
    with an_imagined_room(tmp_path, Imagined(), access={"responder": ["U0ANA"]}) as room:
        for verb in ("clear", "mark", "pause", "trigger", "backfill"):
            refused = room.say(f"/airflow {verb}", user="ben")
            refused.expect_ephemeral("Nothing was changed", NEEDS[verb].name, "viewer")
            assert not refused.has_modal
        room.say("/airflow backfill", user="ana").expect_ephemeral("Nothing was changed", "operator")
        room.say("/airflow runs", user="ben").expect_modal("DAG")


def test_suggestions_come_in_time_from_an_airflow_that_hangs(here: Room, airflow: Imagined) -> None:
    asked = here.say("/airflow clear")
    asked.expect_modal("DAG")
    airflow.free.clear()
    took, answer = seconds_of(lambda: offered(here, "dag", "sales"))
    assert answer["ok"], answer
    assert took < SUGGESTIONS_ARE_DUE
    (group,) = answer["option_groups"]
    assert group["label"]["text"] == "test does not answer"
    airflow.free.set()
    pick_nothing = did(here.eyes, "ana", "click", action_id="dag", value=group["options"][0]["value"])
    assert pick_nothing.ok
    assert submitted(here)["errors"] == {"dag": "Choose a DAG."}


def test_two_deployments_are_two_groups_and_one_that_is_away_says_so(tmp_path: Path) -> None:
    away = Imagined("prod", trouble="Airflow (prod) did not answer within 2 s")
    with an_imagined_room(tmp_path, away, Imagined("test")) as room:
        room.say("/airflow pause").expect_modal("DAG")
        prod, test = offered(room, "dag", "orders")["option_groups"]
        assert (prod["label"]["text"], prod["options"][0]["text"]["text"]) == ("prod does not answer", away.trouble)
        assert [row["value"] for row in test["options"]] == ["test:orders_hourly"]


def test_what_was_typed_is_kept_for_some_seconds(here: Room, airflow: Imagined) -> None:
    here.say("/airflow clear").expect_modal("DAG")
    for typed in ("sal", "SAL", "sal"):
        offered(here, "dag", typed)
    assert airflow.asked.count("dags sal") + airflow.asked.count("dags SAL") == 1


def test_the_answer_to_an_older_pick_never_overtakes_a_newer_one(here: Room, airflow: Imagined) -> None:
    """Two picks at once: the first DAG's runs come last, and are dropped."""
    asked = here.say("/airflow clear")
    asked.expect_modal("DAG")
    offered(here, "dag")
    slow = airflow.slow_once["ledger_daily"] = threading.Event()
    first = threading.Thread(
        target=lambda: here.eyes.do("click", user="ana", action_id="dag", value="test:ledger_daily")
    )
    first.start()
    eventually(lambda: "runs ledger_daily" in airflow.asked, lambda: airflow.asked)
    did(here.eyes, "ana", "click", action_id="dag", value="test:orders_hourly")
    asked.expect_modal(CHOSEN)
    slow.set()
    first.join(20)
    eventually(lambda: airflow.asked.count(f"tasks ledger_daily {FAILED}") == 1, lambda: airflow.asked)
    here.say("/airflow whoami").expect_ephemeral("Ana")
    assert '"dag": "orders_hourly"' in (here.eyes.modal("ana") or {})["private_metadata"]


def test_a_submit_that_overtakes_a_pick_takes_no_run_of_another_dag(here: Room, airflow: Imagined) -> None:
    """The failed run that is shown belongs to the DAG before; of the new one the newest is meant, as when it is typed."""
    asked = here.say("/airflow clear")
    pick(here, "dag", "test:sales_daily")
    asked.expect_modal("Run", f"✗ failed · {FAILED}")
    offered(here, "dag", "ledger")
    assert submitted(here, dag="test:ledger_daily")["ok"]
    asked.expect_modal("Nothing there is failed")
    assert f"tasks ledger_daily {NEWEST}" in airflow.asked
    assert f"tasks ledger_daily {FAILED}" not in airflow.asked


def test_a_name_longer_than_an_option_can_hold_is_found_again(tmp_path: Path) -> None:
    long = "d" * 200
    airflow = Imagined(known={long: Dag(long, False), "d" * 199: Dag("d" * 199, False)})
    with an_imagined_room(tmp_path, airflow) as room:
        asked = room.say("/airflow pause")
        rows = offered(room, "dag", "d")["options"]
        value = next(row["value"] for row in rows if row["value"].startswith("~"))
        pick(room, "dag", value, "d")
        submitted(room)
        asked.expect_modal("Pause d")
        assert button(room) == "Confirm: pause 1 DAG"


def test_the_trigger_window_is_made_of_the_dags_params(here: Room, airflow: Imagined) -> None:
    asked = here.say("/airflow trigger")
    pick(here, "dag", "test:sales_daily", "sales")
    window = asked.expect_modal(
        "Trigger sales_daily", "*1 run is running* and the limit is 1", "region", "More conf (JSON)"
    )
    kinds = {one["label"]["text"]: one["element"]["type"] for one in window.view["blocks"] if one["type"] == "input"}
    assert kinds == {"DAG": "external_select", "region": "static_select", "day": "datepicker", "batch": "number_input",
                     "tables": "plain_text_input", "flags": "checkboxes", "More conf (JSON)": "plain_text_input"}  # fmt: skip
    conf, tables, flags = (block(here, name)["block_id"] for name in ("conf-", "p-", "flags-"))
    blocks = {one["label"]["text"]: one["block_id"] for one in window.view["blocks"] if one["type"] == "input"}
    assert submitted(here, **{blocks["batch"]: "5000"})["errors"] == {blocks["batch"]: "Enter a number from 1 to 1000."}
    wrong = submitted(here, **{blocks["batch"]: "7", conf: "{oops", blocks["tables"]: '{"a": 1}'})["errors"]
    assert set(wrong) == {conf, blocks["tables"]}
    assert tables
    full = block(here, "flags-")["element"]["options"][0]["value"]
    submitted(here, **{blocks["tables"]: '["a"]', conf: '{"source": "backup"}', flags: [full], blocks["region"]: "us"})
    asked.expect_modal("Trigger sales_daily?", 'region = "us"', "batch = 7", "full_refresh = true", 'source = "backup"')
    assert airflow.triggered == []
    submitted(here)
    eventually(lambda: airflow.triggered, lambda: airflow.asked)
    assert airflow.triggered[0] == ("sales_daily", {"region": "us", "day": "2026-11-22", "batch": 7, "full_refresh": True,
                                                    "tables": ["a"], "source": "backup"})  # fmt: skip


def test_a_list_that_moved_while_the_window_was_open_is_shown_anew(here: Room, airflow: Imagined) -> None:
    asked = here.say("/airflow clear")
    pick(here, "dag", "test:sales_daily")
    asked.expect_modal(CHOSEN)
    submitted(here)
    asked.expect_modal("Clear 2 task instances")
    rows = airflow.task_instances
    airflow.task_instances = lambda *given, **more: [
        one for one in rows(*given, **more) if one.ref.task_id != "publish"
    ]
    submitted(here)
    asked.expect_modal("Nothing was cleared: the list moved", "load[0]")
    assert button(here) == "Confirm: clear 1"
    submitted(here)
    asked.expect_modal("*Asked:* clearing 1 task instance")


def test_a_slow_preview_says_that_it_waits_and_then_stands_there(here: Room, airflow: Imagined) -> None:
    asked = here.say("/airflow clear")
    pick(here, "dag", "test:sales_daily")
    asked.expect_modal(CHOSEN)
    plan = airflow.clear
    gate = threading.Event()

    def slowly(*given: Any, **more: Any) -> Any:
        gate.wait(20)
        return plan(*given, **more)

    airflow.clear = slowly
    assert submitted(here)["ok"]
    asked.expect_modal("Asking Airflow; nothing has been changed yet.")
    gate.set()
    asked.expect_modal("Clear 2 task instances of sales_daily?")


def test_a_runbooks_step_opens_its_preview_over_the_runbook(here: Room, airflow: Imagined) -> None:
    here.report(exception=REFUSED, run_id=FAILED, map_index=0)
    alert = here.expect("sales_daily.load")
    window = alert.press("Runbook").expect_modal("A system refused the connection", "1. Retry")
    asked = window.press("Retry")
    asked.expect_modal("Clear 1 task instance of sales_daily?")
    assert button(here) == "Confirm: clear 1"
    submitted(here)
    alert.expect_edit("Ana")
    here.eyes.do("close", user="ana")
    asked.expect_modal("A system refused the connection")
    assert airflow.asked


def test_what_an_older_windsock_left_behind_is_answered_in_words(here: Room) -> None:
    """A button, a value and a window that nobody knows any more."""
    here.report()
    here.expect("sales_daily.load failed")
    old = [{"type": "button", "action_id": name, "value": value, "text": {"type": "plain_text", "text": name}}
           for name, value in (("frobnicate", "A-1"), ("retry", "incident/1/v0"), ("unsilence", "last"))]  # fmt: skip
    said = {"channel": "C0ALERTS", "text": "old", "blocks": [{"type": "actions", "elements": old}]}
    headers = {"Authorization": "Bearer xoxb-sandbox"}
    posted = httpx.post(f"{here.eyes.url}/api/chat.postMessage", headers=headers, trust_env=False, json=said).json()
    for name in ("frobnicate", "retry", "unsilence"):
        pressed = did(here.eyes, "ana", "click", channel=CHANNEL, ts=posted["ts"], action_id=name)
        pressed.expect_ephemeral("Nothing was changed", "this button is from an older Windsock")


def test_nothing_is_taken_from_an_account_that_was_deactivated(here: Room) -> None:
    here.report()
    alert = here.expect("sales_daily.load failed")
    here.eyes.do("account", user="ben", deleted=True)
    alert.press("Acknowledge", user="ben").expect_ephemeral("Nothing was changed", "deactivated")
    assert not here.say("/airflow clear", user="ben").has_modal
    assert "nobody has it" in alert.words


def test_whoever_comes_second_is_told_who_was_first(here: Room) -> None:
    here.report()
    alert = here.expect("sales_daily.load failed")
    alert.press("Acknowledge", user="ben")
    alert.expect_edit("Ben has it")
    here.say("/airflow ack A-1").expect_ephemeral("Ben")
