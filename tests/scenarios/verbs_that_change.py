"""Every verb that changes Airflow, beside a real one: nothing before the Confirm, and after it exactly what was listed.

Hard case: Airflow 2 cannot clear one mapped index and has no backfill in its API; the list says what comes instead, and that
is what happens. Rule: each story has a DAG of its own and leaves variables, pauses and runs as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.store import pauses
from tests.scenarios.house import AIRFLOW_PATIENCE, House, confirm
from tests.scenarios.room import BotHere
from tests.scenarios.verbs_that_look import SECRET, Story, names
from tests.scenarios.world import answered, carried_out, dated, forget, previewed, rows, until, world

CHANGES: dict[Story, tuple[str, ...]] = {}


def of(*verbs: str) -> Callable[[Story], Story]:
    """Which verbs a story is about."""

    def keep(story: Story) -> Story:
        CHANGES[story] = verbs
        return story

    return keep


@of("clear")
def a_task_then_what_failed_then_all_behind_it(house: House) -> None:
    dag, run = "stock_daily", house.runs["stock_daily"]
    assert house.ended(dag) == "failed"
    first, second = f"{run}.read_warehouse", f"{run}.write_report"
    assert house.states(dag) == {"read_warehouse": ("failed", 1), "write_report": ("upstream_failed", 0)}
    carried_out(house, f"clear {dag}.read_warehouse@{run}", dag, {first}, "Clear 1 task instance")
    assert house.states(dag) == {"read_warehouse": ("success", 2), "write_report": ("upstream_failed", 0)}
    assert "Ana" in house.note(dag, "read_warehouse")
    carried_out(house, f"clear {dag}@{run} failed", dag, {second}, "Clear 1 task instance")
    assert house.states(dag) == {"read_warehouse": ("success", 2), "write_report": ("success", 1)}
    assert house.ended(dag) == "success"
    carried_out(house, f"clear test:{dag}.read_warehouse downstream", dag, {first, second}, "Clear 2", "succeeded")
    assert house.states(dag) == {"read_warehouse": ("success", 3), "write_report": ("success", 2)}


@of("clear")
def one_mapped_index(house: House) -> None:
    dag, run = "customers_import", house.runs["customers_import"]
    assert house.ended(dag) == "failed"
    every = {f"{run}.{name}" for name in names(house, dag)}
    one = {f"{run}.import_region[3]"}
    wanted, words = (
        (one, ["Clear 1 task instance"]) if house.airflow.major == 3 else (every, ["neighbour", "will run again"])
    )
    carried_out(house, f"clear {dag}.import_region[3]", dag, wanted, *words)
    assert house.states(dag)["import_region[3]"] == ("success", 2)


@of("clear")
def every_run_of_a_window_and_one_task_of_each(house: House) -> None:
    dag = "invoices_daily"
    runs = dated(house, dag, "2026-03-02", "2026-03-03", "2026-03-04")
    try:
        line = f"clear {dag}.read_warehouse from 2026-03-02 to 2026-03-03"
        carried_out(house, line, dag, {f"{run}.read_warehouse" for run in runs[:2]}, "2 runs are touched")
        both = {f"{run}.write_report" for run in runs[1:]} | {f"{runs[2]}.read_warehouse"}
        carried_out(house, f"clear {dag} from 2026-03-03 to 2026-03-04", dag, both, "2 runs are touched")
        states = [house.airflow.rest.task_states(dag, run)["write_report"][0] for run in runs]
        assert states == ["upstream_failed", "success", "success"]
    finally:
        forget(house, dag, runs)


@of("mark")
def a_task_becomes_each_of_the_states_without_running(house: House) -> None:
    dag, run = "refunds_hourly", house.runs["refunds_hourly"]
    assert house.ended(dag) == "failed"
    first, second = f"{run}.read_warehouse", f"{run}.write_report"
    carried_out(house, f"mark {dag}.read_warehouse success", dag, {first, second}, "Mark 1 task instance", "runs again")
    assert house.states(dag) == {"read_warehouse": ("success", 1), "write_report": ("success", 1)}
    assert "Ana" in house.note(dag, "read_warehouse")
    carried_out(house, f"mark {dag}.write_report@{run} failed", dag, {second})
    assert house.states(dag)["write_report"] == ("failed", 1)
    carried_out(house, f"mark-skipped {dag}.write_report", dag, {second})
    assert house.states(dag) == {"read_warehouse": ("success", 1), "write_report": ("skipped", 1)}


@of("mark")
def a_run_becomes_failed_and_success(house: House) -> None:
    dag, run = "newsletter_weekly", house.runs["newsletter_weekly"]
    assert house.ended(dag) == "success"
    for state in ("failed", "success"):
        preview, before = previewed(house, f"mark {dag}@{run} {state}", f"Mark 1 run of {dag} {state}?")
        assert rows(preview)[f"{run}.run of {dag}"][1] == state
        confirm(preview)
        until(lambda state=state: house.airflow.rest.run_state(dag, run) == state, house)  # type: ignore[misc]
        after = world(house)
        assert after.tasks == before.tasks
        assert {**after.runs, f"{dag}@{run}": ""} == {**before.runs, f"{dag}@{run}": ""}
    answered(house, f"mark {dag}@{run} skipped", "Nothing was changed", "only a task instance can be skipped")


@of("trigger")
def a_run_with_a_conf_that_fits_the_params(house: House) -> None:
    dag = "backload_orders"
    before = world(house)
    for wrong, why in (("days=99", "at most 31"), ("shop=mars", "shop"), ('conf={"days": "many"}', "days")):
        answered(house, f"trigger {dag} {wrong}", "Nothing was changed", f"does not fit {dag}", why)
    assert world(house) == before
    preview, _ = previewed(
        house, f"trigger {dag} shop=us days=2", f"Trigger {dag}?", 'shop = "us"', "days = 2", "paused"
    )
    started(house, preview, dag, {"shop": "us", "days": 2})
    preview, _ = previewed(house, 'trigger currency_rates conf={"day": "2026-11-21", "n": 3}', "n = 3")
    started(house, preview, "currency_rates", {"day": "2026-11-21", "n": 3})


def started(house: House, preview: Any, dag: str, conf: dict[str, Any]) -> None:
    """One new run with that conf, by Ana, and nothing else."""
    before = world(house).runs
    try:
        confirm(preview)
        until(lambda: house.run_of(dag, "slack__"), house)
        (run,) = house.run_of(dag, "slack__")
        assert run["conf"] == conf
        until(lambda: "Ana" in str(house.run_of(dag, "slack__")[0]["note"]), house)
        assert world(house).runs.keys() - before.keys() == {f"{dag}@{run['dag_run_id']}"}
    finally:
        forget(house, dag, [run["dag_run_id"] for run in house.run_of(dag, "slack__")])


@of("pause", "unpause")
def a_dag_stands_still_for_good_and_for_two_hours(house: House) -> None:
    dag, rest = "ledger_daily", house.airflow.rest
    rest.set_paused(dag, False)
    try:
        toggled(house, f"pause {dag} bad data", dag, True, "active", "paused")
        answered(house, f"pause {dag}", "Nothing was changed", "so already")
        toggled(house, f"unpause {dag}", dag, False, "paused", "active")
        toggled(house, f"pause {dag} for 2h warehouse maintenance", dag, True, "unpaused by itself at")
        two_hours_later(house, dag)
        until(lambda: not world(house).paused[dag], house)
    finally:
        rest.set_paused(dag, True)


def toggled(house: House, line: str, dag: str, paused: bool, *words: str) -> None:
    preview, before = previewed(house, line, f"{dag}?", *words)
    confirm(preview)
    until(lambda: world(house).paused[dag] is paused, house)
    after = world(house)
    assert after.paused == {**before.paused, dag: paused}
    assert (after.tasks, after.runs) == (before.tasks, before.runs)


def two_hours_later(house: House, dag: str) -> None:
    """The end of the pause that was remembered comes now; it must be there, two hours from when it was asked for."""
    assert isinstance(house.room.bot, BotHere)
    store = house.room.bot.windsock.services.store

    def remembered() -> dict[str, Any] | None:
        with store.read() as t:
            return next((row for row in pauses.all_of(t) if row["dag_id"] == dag), None)

    until(remembered, house)
    row = remembered()
    assert row is not None
    left = datetime.fromisoformat(row["until"]) - datetime.now(UTC)
    assert timedelta(minutes=110) < left <= timedelta(hours=2)
    known = {key: value for key, value in row.items() if key not in {"deployment", "dag_id", "until"}}
    with store.write() as t:
        pauses.add(t, row["deployment"], dag, datetime.now(UTC), known)


@of("backfill")
def a_run_for_every_date_of_a_window(house: House) -> None:
    dag, rest = "backload_orders", house.airflow.rest
    preview, before = previewed(house, f"backfill {dag} from 2026-11-13 to 2026-11-17", "Backfill 3 dates", "paused")
    dates = {moment(name) for name in rows(preview)}
    assert dates == {f"2026-11-{day}T04:30" for day in ("13", "16", "17")}  # no weekend
    try:
        confirm(preview)
        until(lambda: len(world(house).runs) == len(before.runs) + 3, house)
        found = [
            run for run in rest.call("GET", f"dags/{dag}/dagRuns")["dag_runs"] if moment(run["logical_date"]) in dates
        ]
        assert {moment(run["logical_date"]) for run in found} == dates
        assert world(house).paused == before.paused
        if house.airflow.major == 3:
            assert {run["run_type"] for run in found} == {"backfill"}
            newest = rest.call("GET", "backfills", params={"dag_id": dag, "order_by": "-id"})["backfills"][0]
            assert (newest["from_date"][:10], newest["to_date"][:10]) == ("2026-11-13", "2026-11-17")
            rest.call("PUT", f"backfills/{newest['id']}/cancel")
    finally:
        forget(house, dag, [name.split("@", 1)[1] for name in world(house).runs.keys() - before.runs.keys()])


def moment(text: str) -> str:
    """`2026-11-13T04:30` of a line or of what Airflow tells."""
    return str(text)[:16]


@of("variable")
def a_variable_is_read_and_set_and_a_secret_is_never_shown(house: House) -> None:
    rest = house.airflow.rest
    rest.call("POST", "variables", json={"key": "verbs_size", "value": "500"})
    rest.call("POST", "variables", json={"key": "verbs_api_password", "value": SECRET})
    try:
        answered(house, "variable get verbs_size", "*verbs_size*", "500")
        hidden = answered(house, "variable get verbs_api_password", "•••", "masked: it looks like a secret")
        assert SECRET not in str(hidden.row)
        for key, value in (
            ("verbs_size", "750"),
            ("verbs_new", "a value with spaces"),
            ("verbs_api_password", "changed-it"),
        ):
            preview, before = previewed(house, f"variable set {key} {value}", f"Set the variable {key}?")
            assert value not in preview.words
            confirm(preview)
            until(lambda key=key, value=value: world(house).variables.get(key) == value, house)  # type: ignore[misc]
            after = world(house)
            assert after.variables == {**before.variables, key: value}
            house.room.expect("Ana set", key, seconds=AIRFLOW_PATIENCE)
        assert "changed-it" not in str(house.room.eyes.rows())
    finally:
        for key in ("verbs_size", "verbs_new", "verbs_api_password"):
            if key in world(house).variables:
                rest.call("DELETE", f"variables/{key}")
