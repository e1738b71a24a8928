"""What a person sees who only looks: every reading verb, through Slack, against an Airflow on paper."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from bot.core.airflow.protocol import (
    Airflow,
    Connection,
    Dag,
    ImportFault,
    Log,
    Pool,
    Run,
    TaskInstance,
    TaskNode,
    TaskRef,
    Variable,
)
from bot.sandbox.pagerduty import server
from tests.airflow.paper import PaperAirflow
from tests.scenarios.room import RUN, BotHere, Room, a_room
from tests.scenarios.seen import presses

DAG = "sales_daily"
NOW = datetime.now(UTC)
OTHER = "manual__2026-11-21"
TREE = [
    TaskNode("extract", ("audit", "stage")), TaskNode("audit"), TaskNode("stage", ("load",)),
    TaskNode("load", ("publish",), is_mapped=True), TaskNode("publish"),
]  # fmt: skip


def paper(name: str = "test") -> PaperAirflow:
    """One DAG whose newest run failed in `load[1]`, at its second of two tries."""
    made = PaperAirflow(name, now=NOW)
    made.dags_by_id[DAG] = Dag(DAG, False, ("data-eng",), ("tier:1",), "daily")
    made.trees[DAG] = TREE
    for run_id, state, age in ((RUN, "failed", 1), (OTHER, "success", 25)):
        began = NOW - timedelta(hours=age)
        made.runs_by_id[DAG, run_id] = Run(
            DAG, run_id, state, "scheduled", began, began, began, began + timedelta(minutes=9)
        )
    states = {"extract": "success", "audit": "success", "stage": "success", "publish": "upstream_failed"}
    for task, state in states.items():
        one = TaskInstance(TaskRef(DAG, RUN, task), state, 1, 0, NOW, NOW, 20.0)
        made.instances[one.ref] = one
    for index, state in enumerate(("success", "failed")):
        one = TaskInstance(TaskRef(DAG, RUN, "load", index), state, 2, 1, NOW, NOW, 41.0, "worker-3")
        made.instances[one.ref] = one
    bad = TaskRef(DAG, RUN, "load", 1)
    noise = [f"[2026-11-22T05:13:{n:02}Z] INFO - waiting for the others {n}" for n in range(60)]
    said = ["[2026-11-22T05:12:40Z] ERROR - Task failed with exception", "Traceback (most recent call last):",
            '  File "dags/sales.py", line 42, in load', "ValueError: dsn postgresql://etl:hunter2@db/sales is bad"]  # fmt: skip
    made.logs[bad, 2] = Log((*said, *noise))
    made.logs[bad, 1] = Log(("[2026-11-22T05:01:00Z] INFO - the first try",))
    made.pool_list = [Pool("default_pool", 128, 96, 12, 3, 0, 20), Pool("warehouse", 4, 4, 0, 7, 0, 0)]
    trace = 'Traceback (most recent call last):\n  File "/dags/fin/ledger.py", line 7, in <module>\n    import rates\n'
    made.faults = [ImportFault("fin/ledger.py", f"{trace}ImportError: no rates")]
    made.variables_by_key = {
        "batch_size": Variable("batch_size", "500"), "db_password": Variable("db_password", "hunter2"),
        "service": Variable("service", '{"url": "https://x.example.com", "api_key": "hunter2"}'),
    }  # fmt: skip
    made.connections_by_id = {"warehouse": Connection("warehouse", "postgres", "db.example.com", 5432, "etl", "sales")}
    return made


def bring(room: Room, *papers: PaperAirflow) -> None:
    assert isinstance(room.bot, BotHere)
    room.bot.windsock.services.airflows = {one.name: cast(Airflow, one) for one in papers}


@pytest.fixture
def seen(room: Room) -> Room:
    bring(room, paper())
    return room


def test_a_run_is_a_tree_with_what_failed_in_it(seen: Room) -> None:
    said = seen.say(f"/airflow tasks {DAG}").expect_ephemeral("failed", "load[1]").words
    for line in ("✓ extract", "✓ ├ audit", "✓ └ stage", "✗   └ load[0..1]", "-     └ publish", "load[1], try 2/2"):
        assert line in said, said
    seen.say(f"/airflow runs {DAG}").expect_ephemeral("1 failed", "1 success", OTHER, f"tasks {DAG}@{RUN}")
    seen.say(f"/airflow runs {DAG} success").expect_ephemeral("1 success run, newest first", OTHER)
    seen.say(f"/airflow runs {DAG} running").expect_ephemeral("has no running run")
    seen.say(f"/airflow runs {DAG} late").expect_ephemeral("Nothing was changed", "`late` isn't a state of a run")


def test_things_are_shown_in_full(seen: Room) -> None:
    seen.say(f"/airflow show {DAG}").expect_ephemeral(
        "*active*", "daily", "data-eng", "newest runs ✓ ✗", "no open alert"
    )
    seen.say(f"/airflow show {DAG}.load@{RUN}").expect_ephemeral("load[1]", "failed", "worker-3", "try 2/2")
    seen.say(f"/airflow show {DAG}@{OTHER}").expect_ephemeral(OTHER, "success")


def test_a_log_says_why_first_and_other_tries_are_a_press_away(seen: Room) -> None:
    answer = seen.say(f"/airflow logs {DAG}.load[1]").expect_ephemeral(
        "ERROR Task failed", "the last error first", "•••@db"
    )
    assert "hunter2" not in str(answer.row)
    answer.press("Try 1").expect_ephemeral("the first try", "try 1/2").press("Try 2").expect_ephemeral(
        "ERROR Task failed"
    )
    seen.say(f"/airflow logs {DAG}.load[1] try 1").expect_ephemeral("the first try")
    seen.say(f"/airflow logs {DAG}").expect_ephemeral("needs a task")


def test_a_long_log_is_a_file_in_the_alerts_thread(seen: Room) -> None:
    seen.report(map_index=1, try_number=2)
    alert = seen.expect(f"{DAG}.load")
    seen.say("/airflow logs A-1 50").expect_ephemeral("as a file in the thread", "whole log")
    files = [(row["thread_ts"], file["title"]) for row in seen.eyes.rows() for file in row["files"]]
    assert files == [(alert.ts, f"{DAG}.load[1], try 2, for Ana")]
    assert len(seen.eyes.log("files.completeUploadExternal")) == 1
    seen.say("/airflow logs A-1 50").expect_ephemeral("as a file in the thread")
    seen.say("/airflow logs A-1").expect_ephemeral("the last error first")
    assert (
        len(seen.eyes.log("files.completeUploadExternal")) == 1
    )  # the same file stands there once, and a short look posts none


def test_the_parts_of_airflow(seen: Room) -> None:
    said = seen.say("/airflow pools").expect_ephemeral("2 pools", "1 full").words
    assert said.index("warehouse") < said.index("default_pool")  # who is full stands first
    assert "████████████████  4/4" in said
    seen.say("/airflow jobs").expect_ephemeral("1 job", "all beat", "✓ beats", "scheduler")
    seen.say("/airflow import-errors").expect_ephemeral(
        "1 DAG file", "fin/ledger.py", "line 7: import rates", "ImportError: no rates"
    )
    seen.say("/airflow status").expect_ephemeral("test is well", "100 tasks running · 12 queued")


def test_a_secret_is_masked_on_both_majors(seen: Room) -> None:
    seen.say("/airflow variable get batch_size").expect_ephemeral("batch_size", "500")
    for key in ("db_password", "service"):
        answer = seen.say(f"/airflow variable get {key}").expect_ephemeral(key, "•••", "masked")
        assert "hunter2" not in str(answer.row)
    seen.say("/airflow variable get service").expect_ephemeral("https://x.example.com")
    seen.say("/airflow variable get batch_sise").expect_ephemeral("no variable", "Near it", "batch_size")
    shown = seen.say("/airflow connection get warehouse").expect_ephemeral("db.example.com", "postgres", "never shown")
    assert "hunter2" not in str(shown.row)
    seen.say("/airflow connection test warehouse").expect_ephemeral("✓", "warehouse", "connects")
    seen.say("/airflow connection test nowhere").expect_ephemeral("no connection", "nowhere")


def test_configuration_is_for_operators(tmp_path: Path) -> None:
    with a_room(tmp_path, access={"responder": ["*"]}) as room:
        one = paper()
        bring(room, one)
        for command in ("variable get batch_size", "connection test warehouse", "connection get warehouse"):
            room.say(f"/airflow {command}").expect_ephemeral("🔒", "Nothing was changed", "operator")
        assert [verb for verb, _ in one.asked if verb in {"variable", "connection", "test_connection"}] == []


def test_a_report_without_a_metastore_is_made_of_the_api(seen: Room) -> None:
    seen.say(f"/airflow report {DAG}").expect_ephemeral(
        "50 % of 2 runs succeeded", "goal 99.2 %", "load", "1/2", RUN, "API, without a metastore"
    )
    seen.say("/airflow slow").expect_ephemeral("only DAGs with alerts are looked at")
    seen.say("/airflow report nothing").expect_ephemeral("no DAG `nothing`")


def test_checks_without_a_metastore_say_what_is_missing(seen: Room) -> None:
    for command in ("zombies", "health stale-heartbeats"):
        seen.say(f"/airflow {command}").expect_ephemeral("WINDSOCK_AIRFLOW__TEST__METASTORE_URL is not set")
    seen.say("/airflow health").expect_ephemeral("test is well", "✓ scheduler")


def test_one_deployment_that_does_not_answer_harms_no_other(room: Room) -> None:
    dead = paper("old")
    dead.away = True
    bring(room, paper("prod"), dead)
    room.say("/airflow pools").expect_ephemeral("*prod* 2 pools", "⚠️ *old*", "default_pool")
    room.say("/airflow jobs prod").expect_ephemeral("1 job")
    room.say(f"/airflow tasks prod:{DAG}").expect_ephemeral(
        "prod", "✗   └ load[0..1]", f"clear prod:{DAG}@{RUN} failed"
    )
    room.say(f"/airflow logs prod:{DAG}.load[1]").expect_ephemeral(f"logs prod:{DAG}.load[1]@{RUN} 50")
    room.say(f"/airflow tasks old:{DAG}").expect_ephemeral("Nothing was changed")


def test_a_channel_may_have_a_deployment_of_its_own(tmp_path: Path) -> None:
    with a_room(tmp_path) as room:
        first, second = paper("alpha"), paper("beta")
        del first.dags_by_id[DAG]
        bring(room, first, second)
        room.say(f"/airflow runs {DAG}").expect_ephemeral("alpha has no DAG")
        assert isinstance(room.bot, BotHere)
        room.bot.windsock.services.channel_deployments = {"data-alerts": "beta"}
        room.say(f"/airflow runs {DAG}").expect_ephemeral(f"beta:{DAG}", OTHER)
        room.say(f"/airflow runs alpha:{DAG}").expect_ephemeral("alpha has no DAG")
        assert "alpha" not in room.say("/airflow pools").expect_ephemeral("default_pool").words


def test_who_is_on_call(tmp_path: Path) -> None:
    with server.running() as pager, a_room(tmp_path, PAGERDUTY__API_URL=pager.url,
                                              PAGERDUTY__API_TOKEN=pager.config.api_token) as room:  # fmt: skip
        room.say("/airflow oncall").expect_ephemeral("*Ana Lima* is on call", "level 2", "Ben Okafor", "data-oncall")
    with (
        server.running() as pager,
        a_room(tmp_path, PAGERDUTY__API_URL=pager.url, PAGERDUTY__API_TOKEN="wrong") as room,
    ):
        room.say("/airflow oncall").expect_ephemeral("PagerDuty refused WINDSOCK_PAGERDUTY__API_TOKEN")


def test_without_a_token_it_says_how_to_set_it(seen: Room) -> None:
    seen.say("/airflow oncall").expect_ephemeral("WINDSOCK_PAGERDUTY__API_TOKEN", "is not set")


def test_the_help_holds_every_verb(seen: Room) -> None:
    said = seen.say("/airflow help").expect_ephemeral("Look", "Inside Airflow").words
    for verb in ("status", "open", "show REF", "runs DAG", "tasks DAG@RUN", "logs REF", "import-errors", "pools", "variable",
                 "connection", "health", "jobs", "zombies", "slow", "report DAG", "oncall", "whoami"):  # fmt: skip
        assert f"`{verb}" in said, verb
    seen.say("/airflow help report").expect_ephemeral("/airflow report sales_daily 30d")


def test_the_buttons_of_an_alert_show_the_same(seen: Room) -> None:
    seen.report(map_index=1, try_number=2)
    alert = seen.expect(f"{DAG}.load")
    answer = alert.press("Logs").expect_ephemeral("ERROR Task failed")
    assert ("Try 1", "run") in [(label, action) for label, action, *_ in presses(answer.row)]
