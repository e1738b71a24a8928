"""Whole roads beside a real Airflow: a task really fails, a person presses, Airflow acts, the message turns green.

Each story has a DAG of its own, so that they do not disturb each other; all of them are started at once. The story of the
closed road comes last, since it lasts until the bot asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.scenarios.house import AIRFLOW_PATIENCE, House, a_house, asked, confirm, listed
from tests.scenarios.room import at_once
from tests.scenarios.seen import CHANNEL, Message, presses
from tests.scenarios.waiting import eventually
from tests.stacks import RunningAirflow

DAGS = ("sales_daily", "mart_build", "risk_report", "customers_import", "model_training", "newsletter_weekly",
        "ledger_daily")  # fmt: skip


@pytest.fixture(scope="module")
def house_3(airflow_3: RunningAirflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(airflow_3, tmp_path_factory.mktemp("house3"), DAGS) as house:
        yield house


@pytest.fixture(scope="module")
def house_2(airflow_2: RunningAirflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(airflow_2, tmp_path_factory.mktemp("house2"), DAGS) as house:
        yield house


def retry_previews_asks_and_really_retries(house: House) -> None:
    alert = house.alert("🔴 sales_daily.load failed: ValueError")
    assert house.ended("sales_daily") == "failed"
    before = house.states("sales_daily")
    preview = asked(lambda: alert.press("Retry"), "Clear 2 task instances of sales_daily?", "Nothing has been changed")
    sick = {name: (str(state), "runs again") for name, (state, _) in before.items() if state != "success"}
    assert listed(preview) == sick
    assert set(sick) == {"load", "publish"}
    assert house.states("sales_daily") == before, "a preview wrote to Airflow"
    assert ("Ana", "asked") not in house.room.timeline(number(alert))
    double_click(preview)
    alert.expect_edit("🔧 Ana is clearing 2 task instances")
    house.until("sales_daily", "load", "success", 2)
    alert.expect_edit("✅", "sales_daily.load is well again", "Ana cleared 2 task instances", seconds=AIRFLOW_PATIENCE)
    assert house.ended("sales_daily") == "success"
    assert house.states("sales_daily")["load"] == ("success", 2), "it was cleared more than once"
    assert house.room.timeline(number(alert)).count(("Ana", "asked")) == 1
    assert "Ana" in house.note("sales_daily", "load")
    alert.expect_thread("Ana cleared 2 task instances", seconds=AIRFLOW_PATIENCE)


def number(alert: Message) -> int:
    """12 of A-12."""
    return int(alert.row["metadata"]["event_payload"]["incident"])


def double_click(preview: Message) -> None:
    """Two presses of the same button at the same moment, as an impatient hand gives them."""
    action, value, block = next(p[1:] for p in presses(preview.row) if p[0].startswith("Confirm: "))
    where = {
        "channel": CHANNEL,
        "ts": preview.ts,
        "action_id": action,
        "value": value,
        "block_id": block,
        "user": "ana",
    }

    def click() -> str:
        try:
            return str(preview.eyes.do("click", **where)["ok"])
        except AssertionError as gone:  # the first press was answered before the second one came
            return str(gone)

    outcomes = at_once(click, click)
    assert "True" in outcomes, outcomes


def a_list_that_moved_is_refused_with_the_new_one(house: House) -> None:
    alert = house.alert("mart_build.stage_sources failed")
    assert house.ended("mart_build") == "failed"
    preview = asked(lambda: alert.press("Retry", user="ben"), "Clear 8 task instances of mart_build?")
    house.set_state("mart_build", "build_customers", "success")
    eventually(
        lambda: house.states("mart_build")["build_customers"][0] == "success", lambda: house.states("mart_build")
    )
    assert house.ended("mart_build") == "failed"
    before = house.states("mart_build")
    confirm(preview, user="ben")
    preview.expect_edit("Nothing was cleared: the list moved", "`build_customers` is gone")
    assert house.states("mart_build") == before
    sick = {name for name, (state, _) in before.items() if state in {"failed", "upstream_failed"}}
    assert set(listed(preview)) == sick
    confirm(preview, user="ben")
    alert.expect_edit("✅", "Ben cleared", seconds=AIRFLOW_PATIENCE)
    assert house.ended("mart_build") == "success"
    assert house.states("mart_build")["stage_sources"] == ("success", 2)
    assert house.states("mart_build")["build_customers"][0] == "success"


def a_mark_shows_what_runs_again_behind_it(house: House) -> None:
    alert = house.alert("🚨 risk_report.compute_exposure failed")
    house.room.pagerduty.expect("triggered")
    assert house.ended("risk_report") == "failed"
    preview = asked(lambda: alert.press("Mark success", user="cleo"), "Mark 1 task instance of risk_report success?")
    assert listed(preview) == {
        "compute_exposure": ("failed", "success"),
        "send_report": ("upstream_failed", "runs again"),
    }
    assert house.states("risk_report")["compute_exposure"] == ("failed", 1)
    confirm(preview, user="cleo")
    house.until("risk_report", "compute_exposure", "success", 1)
    alert.expect_edit("✅", "Cleo marked 1 task instance success", seconds=AIRFLOW_PATIENCE)
    assert house.ended("risk_report") == "success"
    assert house.states("risk_report")["send_report"][0] == "success"
    assert "Cleo" in house.note("risk_report", "compute_exposure")
    house.room.pagerduty.expect("resolved")


def one_mapped_index_is_cleared_alone_or_the_preview_says_what_comes_with_it(house: House) -> None:
    alert = house.alert("2 failures in customers_import", "key postal_code was missing")
    assert house.ended("customers_import") == "failed"
    before = house.states("customers_import")
    assert {name for name, (state, _) in before.items() if state == "failed"} == {
        "import_region[3]",
        "import_region[6]",
    }
    clear = lambda: house.room.say("/airflow clear customers_import.import_region[3]")  # noqa: E731
    if house.airflow.major == 3:
        preview = asked(clear, "Clear 1 task instance of customers_import?")
        assert listed(preview) == {"import_region[3]": ("failed", "runs again")}
        confirm(preview)
        house.until("customers_import", "import_region[3]", "success", 2)
        assert changed(before, house.states("customers_import")) == {"import_region[3]"}
    else:
        preview = asked(clear, "Clear 8 task instances of customers_import?", "will run again", "neighbour")
        preview.press("Cancel")
        preview.expect_edit("Cancelled: nothing was changed")
        assert house.states("customers_import") == before
    label = eventually(lambda: next((one for one in alert.labels if one.startswith("Retry")), ""), lambda: alert.words)
    sick = {name: state for name, (state, _) in house.states("customers_import").items() if state == "failed"}
    again = asked(lambda: alert.press(label), "Clear", "customers_import?")
    confirm(again)
    alert.expect_edit("✅", "well again", seconds=AIRFLOW_PATIENCE)
    assert changed(before, house.states("customers_import")) == {"import_region[3]", "import_region[6]"}, sick


def changed(before: dict[str, tuple[str | None, int]], after: dict[str, tuple[str | None, int]]) -> set[str]:
    return {name for name in after if after[name] != before.get(name)}


def a_task_that_was_killed_is_told_by_what_airflow_knows(house: House) -> None:
    alert = house.alert("model_training")
    assert house.ended("model_training") == "failed"
    alert.expect_edit("model_training.train failed", seconds=AIRFLOW_PATIENCE)
    if house.airflow.major == 3:
        alert.expect_edit("no callback received")
    confirm(asked(lambda: alert.press("Retry", user="dev"), "Clear 1 task instance of model_training?"), user="dev")
    house.until("model_training", "train", "success", 2)
    alert.expect_edit("✅", "Dev cleared 1 task instance", seconds=AIRFLOW_PATIENCE)
    assert len(house.room.messages("model_training")) == 1


def pause_unpause_and_trigger_are_done_in_airflow(house: House) -> None:
    dag, rest = "newsletter_weekly", house.airflow.rest
    assert house.ended(dag) == "success"
    for verb, paused in (("pause", True), ("unpause", False)):
        preview = asked(
            lambda verb=verb: house.room.say(f"/airflow {verb} {dag} for the audit"), f"{verb.capitalize()} {dag}?"
        )
        assert rest.call("GET", f"dags/{dag}")["is_paused"] is not paused
        confirm(preview)
        house.room.expect(f"Ana {verb}d", dag, seconds=40)
        assert rest.call("GET", f"dags/{dag}")["is_paused"] is paused
    preview = asked(lambda: house.room.say(f"/airflow trigger {dag} day=2026-11-21 n=3"), "Trigger", dag, "n = 3")
    assert house.run_of(dag, "slack__") == []
    double_click(preview)
    house.room.expect("Ana triggered", dag, seconds=40)
    (run,) = house.run_of(dag, "slack__")
    assert run["conf"] == {"day": "2026-11-21", "n": 3}
    assert "Ana" in str(run["note"])


def nothing_is_lost_while_airflow_is_away(house: House) -> None:
    alert = house.alert("ledger_daily.read_warehouse failed")
    assert house.ended("ledger_daily") == "failed"
    before = house.states("ledger_daily")
    house.road.close()
    alert.press("Retry").expect_ephemeral("Nothing was changed", "Airflow (test)", seconds=10)
    assert "Nobody has it yet" in alert.words
    house.road.open()
    preview = asked(lambda: alert.press("Retry"), "Clear", "ledger_daily?")
    house.road.close()
    confirm(preview).expect_ephemeral("Asked")
    alert.expect_edit("🔧 Ana is clearing", "Airflow (test)")
    alert.expect_thread("tried again until")
    assert house.states("ledger_daily") == before
    house.road.open()
    house.until("ledger_daily", "read_warehouse", "success", 2)
    alert.expect_edit("✅", "Ana cleared", seconds=AIRFLOW_PATIENCE)
    assert house.states("ledger_daily")["read_warehouse"] == ("success", 2)


STORIES = [
    retry_previews_asks_and_really_retries,
    a_list_that_moved_is_refused_with_the_new_one,
    a_mark_shows_what_runs_again_behind_it,
    one_mapped_index_is_cleared_alone_or_the_preview_says_what_comes_with_it,
    a_task_that_was_killed_is_told_by_what_airflow_knows,
    pause_unpause_and_trigger_are_done_in_airflow,
    nothing_is_lost_while_airflow_is_away,
]


@pytest.mark.parametrize("story", STORIES)
def test_beside_airflow_3(story: Callable[[House], None], house_3: House) -> None:
    story(house_3)


@pytest.mark.parametrize("story", STORIES)
def test_beside_airflow_2(story: Callable[[House], None], house_2: House) -> None:
    story(house_2)
