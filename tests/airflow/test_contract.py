"""The promises that both gateways keep, shown on a real Airflow 3 and a real Airflow 2, read back from Airflow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bot.airflow.gateway import Gateway, GatewayConfig, connect
from bot.core.airflow.protocol import Run, Scope, TaskRef
from bot.core.errors import Permanent
from tests.airflow.live import DAG, ENDED, MAPPED, Live, labels, wait_for

if TYPE_CHECKING:
    from tests.stacks import RunningAirflow


class Contract(Live):
    """Each test gives one promise of `bot.core.airflow.protocol.Airflow`."""

    # ---- reading

    def test_the_version_is_found(self, airflow: Gateway, stack: RunningAirflow) -> None:
        assert airflow.version == stack.rest.call("GET", "version")["version"]
        assert airflow.major == stack.major == int(airflow.version[0])
        assert airflow.can_address_map_index == airflow.has_backfill == (airflow.major == 3)

    def test_health_names_a_beating_scheduler(self, airflow: Gateway) -> None:
        health = airflow.health()
        scheduler = health["scheduler"]
        assert scheduler is not None
        assert scheduler.healthy is True
        assert scheduler.heartbeat is not None
        assert scheduler.heartbeat.tzinfo is UTC
        assert 0 < health.seconds < 30

    def test_a_dag_has_owner_tags_and_no_timetable(self, airflow: Gateway) -> None:
        dag = airflow.dag(DAG)
        assert dag is not None
        assert (dag.owners, dag.tags, dag.timetable) == (("data-eng",), ("sales",), None)
        assert dag.is_active
        assert set(airflow.task_ids(DAG) or ()) == {"extract", "load", "publish"}

    def test_dags_are_found_by_a_part_of_their_id(self, airflow: Gateway) -> None:
        assert [dag.dag_id for dag in airflow.dags("ales_dai")] == [DAG]
        ids = [dag.dag_id for dag in airflow.dags()]
        assert ids == sorted(ids)
        assert {DAG, MAPPED} <= set(ids)
        assert len(airflow.dags(limit=2)) == 2

    def test_unknown_things_are_none_or_empty(self, airflow: Gateway, failed_run: Run) -> None:
        assert airflow.dag("nope") is None
        assert airflow.task_ids("nope") is None
        assert airflow.runs("nope") == []
        assert airflow.run(DAG, "nope") is None
        assert airflow.task_instances(DAG, "nope") == []
        assert airflow.task_instance(TaskRef(DAG, failed_run.run_id, "nope")) is None
        assert airflow.task_instance(TaskRef(DAG, failed_run.run_id, "load", 7)) is None

    def test_a_failed_run_is_read_with_its_conf_and_its_note(self, airflow: Gateway, failed_run: Run) -> None:
        run = airflow.run(DAG, failed_run.run_id)
        assert run is not None
        assert (run.state, run.conf, run.note) == ("failed", {"asked": "by the contract"}, "contract")
        assert run.start_date is not None
        assert run.start_date <= datetime.now(UTC)
        assert failed_run.run_id in [found.run_id for found in airflow.runs(DAG, ["failed"], 100)]

    def test_task_instances_are_read_with_their_states(self, airflow: Gateway, failed_run: Run) -> None:
        everything = airflow.task_instances(DAG, failed_run.run_id)
        assert labels(everything) == {("extract", "success"), ("load", "failed"), ("publish", "upstream_failed")}
        failed = airflow.task_instances(DAG, failed_run.run_id, ["failed"])
        assert labels(failed) == {("load", "failed")}
        assert failed[0] == self._state(airflow, failed[0].ref)
        assert (failed[0].try_number, failed[0].pool) == (1, "default_pool")

    def test_every_mapped_index_is_read(self, airflow: Gateway, mapped_run: Run) -> None:
        found = airflow.task_instances(MAPPED, mapped_run.run_id, task_id="import_region")
        assert {one.ref.map_index for one in found} == set(range(8))
        assert {one.ref.map_index for one in found if one.state == "failed"} == {3, 6}
        assert self._state(airflow, TaskRef(MAPPED, mapped_run.run_id, "import_region", 3)).state == "failed"

    def test_the_log_of_a_failed_try_ends_with_its_exception(self, airflow: Gateway, failed_run: Run) -> None:
        log = airflow.log(TaskRef(DAG, failed_run.run_id, "load"), 1)
        text = "\n".join(log.lines)
        assert log.found
        assert "Traceback (most recent call last):" in text
        assert "ValueError: row 4711: amount '12,50' is not a number" in text

    def test_the_log_of_one_mapped_index_is_its_own(self, airflow: Gateway, mapped_run: Run) -> None:
        log = airflow.log(TaskRef(MAPPED, mapped_run.run_id, "import_region", 3), 1)
        assert "KeyError" in "\n".join(log.lines)

    def test_a_log_that_is_not_there_is_not_found(self, airflow: Gateway, failed_run: Run) -> None:
        assert not airflow.log(TaskRef(DAG, failed_run.run_id, "load"), 9).found
        assert not airflow.log(TaskRef(DAG, failed_run.run_id, "nope"), 1).found

    def test_a_dag_file_that_does_not_import_is_named(self, airflow: Gateway) -> None:
        faults = wait_for(airflow.import_errors, bool)
        fault = next(one for one in faults if one.filename.endswith("campaign_attribution.py"))
        assert "Error" in fault.stacktrace
        assert fault.seen_at is not None

    def test_pools_have_slots(self, airflow: Gateway) -> None:
        pool = next(one for one in airflow.pools() if one.name == "default_pool")
        assert pool.slots > 0
        assert 0 <= pool.open <= pool.slots

    def test_links_lead_to_a_page_that_exists(self, airflow: Gateway, stack: RunningAirflow, failed_run: Run) -> None:
        assert airflow.run_url(DAG, failed_run.run_id).startswith(f"{stack.url}/dags/{DAG}/")
        assert "%2B1%3Aa" in airflow.task_url(TaskRef(DAG, failed_run.run_id, "load"), 1)

    # ---- acting

    def test_one_run_id_starts_one_run(self, airflow: Gateway, failed_run: Run) -> None:
        again = airflow.trigger(DAG, failed_run.run_id, {"asked": "again"})
        assert again.run_id == failed_run.run_id
        assert again.conf == {"asked": "by the contract"}

    def test_what_the_dry_run_named_is_cleared_and_runs_again(self, airflow: Gateway) -> None:
        run = self._ended_run(airflow, DAG)
        ref = TaskRef(DAG, run.run_id, "load")
        scope = Scope(DAG, run.run_id, (("load", None),), downstream=True)
        preview = airflow.clear(scope, dry_run=True)
        assert labels(preview) == {("load", "failed"), ("publish", "upstream_failed")}
        assert self._state(airflow, ref).state == "failed"
        done = airflow.clear(scope, dry_run=False, note="Ana asked for it")
        assert labels(done) == labels(preview)
        now = wait_for(lambda: self._state(airflow, ref), lambda one: one.state in ENDED and one.try_number > 1)
        assert (now.state, now.try_number, now.note) == ("success", 2, "Ana asked for it")
        wait_for(lambda: airflow.run(DAG, run.run_id), lambda found: found is not None and found.state == "success")

    def test_a_whole_run_is_cleared_without_its_successes(self, airflow: Gateway, failed_run: Run) -> None:
        found = airflow.clear(Scope(DAG, failed_run.run_id), dry_run=True)
        assert labels(found) == {("load", "failed"), ("publish", "upstream_failed")}
        everything = airflow.clear(Scope(DAG, failed_run.run_id, only_failed=False), dry_run=True)
        assert {one.ref.label for one in everything} == {"extract", "load", "publish"}

    def test_all_failed_indexes_of_a_task_are_previewed(self, airflow: Gateway, mapped_run: Run) -> None:
        found = airflow.clear(Scope(MAPPED, mapped_run.run_id, (("import_region", None),)), dry_run=True)
        assert labels(found) == {("import_region[3]", "failed"), ("import_region[6]", "failed")}

    def test_clearing_unknown_things_is_refused_by_name(self, airflow: Gateway, failed_run: Run) -> None:
        for scope, words in (
            (Scope(DAG, failed_run.run_id, (("laod", None),)), "has no task `laod`"),
            (Scope(DAG, failed_run.run_id, (("load", None), ("laod", None))), "has no task `laod`"),
            (Scope(DAG, "nope"), "nope"),
            (Scope("nope", failed_run.run_id), "nope"),
        ):
            with pytest.raises(Permanent, match=words):
                airflow.clear(scope, dry_run=True)

    def test_nothing_to_clear_is_an_empty_list(self, airflow: Gateway, failed_run: Run) -> None:
        assert airflow.clear(Scope(DAG, failed_run.run_id, (("extract", None),)), dry_run=True) == []

    def test_one_mapped_index_is_marked_and_its_neighbours_are_not(self, airflow: Gateway, mapped_run: Run) -> None:
        ref = TaskRef(MAPPED, mapped_run.run_id, "import_region", 6)
        changed = airflow.mark(ref, "success", note="Ben said so")
        assert [(one.ref, one.state) for one in changed] == [(ref, "success")]
        assert airflow.mark(ref, "success") == []
        states = {one.ref.map_index: one.state for one in airflow.task_instances(MAPPED, mapped_run.run_id)}
        assert (states[6], states[3]) == ("success", "failed")
        assert self._state(airflow, ref).note == "Ben said so"

    def test_a_mapped_task_is_not_marked_as_a_whole_by_accident(self, airflow: Gateway, mapped_run: Run) -> None:
        with pytest.raises(Permanent):
            airflow.mark(TaskRef(MAPPED, mapped_run.run_id, "import_region"), "failed")
        states = {one.ref.map_index: one.state for one in airflow.task_instances(MAPPED, mapped_run.run_id)}
        assert states[0] == "success"

    def test_marking_unknown_things_is_refused(self, airflow: Gateway, failed_run: Run) -> None:
        with pytest.raises(Permanent):
            airflow.mark(TaskRef(DAG, failed_run.run_id, "nope"), "success")

    def test_a_note_is_read_back(self, airflow: Gateway, failed_run: Run) -> None:
        ref = TaskRef(DAG, failed_run.run_id, "extract")
        airflow.set_note(ref, "Cleo looked at it — “fine”")
        assert self._state(airflow, ref).note == "Cleo looked at it — “fine”"

    def test_the_state_of_a_run_is_set(self, airflow: Gateway) -> None:
        run = self._ended_run(airflow, DAG)
        assert airflow.set_run_state(DAG, run.run_id, "success", note="accepted").state == "success"
        found = airflow.run(DAG, run.run_id)
        assert found is not None
        assert (found.state, found.note) == ("success", "accepted")
        with pytest.raises(Permanent):
            airflow.set_run_state(DAG, "nope", "success")

    def test_a_dag_is_paused_and_unpaused(self, airflow: Gateway) -> None:
        for paused in (True, False):
            assert airflow.pause(MAPPED, paused).is_paused is paused
            dag = airflow.dag(MAPPED)
            assert dag is not None
            assert dag.is_paused is paused
        with pytest.raises(Permanent):
            airflow.pause("nope", True)

    def test_a_wrong_password_is_said_and_health_is_seen_without_one(self, stack: RunningAirflow) -> None:
        stranger = connect(GatewayConfig("test", stack.url, stack.username, "wrong"))
        with pytest.raises(Permanent, match=r"password is wrong|does not accept the bot's login"):
            stranger.dags()
        assert stranger.health()["scheduler"] is not None
        stranger.close()


class TestAirflowThree(Contract):
    @pytest.fixture(scope="class")
    @classmethod
    def stack(cls, airflow_3: RunningAirflow) -> RunningAirflow:
        return airflow_3

    def test_one_mapped_index_is_cleared_and_its_neighbour_is_not(self, airflow: Gateway) -> None:
        run = self._ended_run(airflow, MAPPED)
        ref = TaskRef(MAPPED, run.run_id, "import_region", 3)
        scope = Scope(MAPPED, run.run_id, (("import_region", 3),))
        assert labels(airflow.clear(scope, dry_run=True)) == {("import_region[3]", "failed")}
        assert labels(airflow.clear(scope, dry_run=False)) == {("import_region[3]", "failed")}
        wait_for(lambda: self._state(airflow, ref), lambda one: one.state == "success" and one.try_number == 2)
        other = self._state(airflow, TaskRef(MAPPED, run.run_id, "import_region", 6))
        assert (other.state, other.try_number) == ("failed", 1)

    def test_an_index_that_does_not_exist_is_refused(self, airflow: Gateway, mapped_run: Run) -> None:
        with pytest.raises(Permanent, match=r"no task instance `import_region\[99\]`"):
            airflow.clear(Scope(MAPPED, mapped_run.run_id, (("import_region", 99),)), dry_run=True)


class TestAirflowTwo(Contract):
    @pytest.fixture(scope="class")
    @classmethod
    def stack(cls, airflow_2: RunningAirflow) -> RunningAirflow:
        return airflow_2

    def test_clearing_one_mapped_index_is_refused_with_the_reason(self, airflow: Gateway, mapped_run: Run) -> None:
        for dry_run in (True, False):
            with pytest.raises(Permanent, match=r"2\.\d+\.\d+ and cannot clear import_region\[3\] by itself"):
                airflow.clear(Scope(MAPPED, mapped_run.run_id, (("import_region", 3),)), dry_run=dry_run)
        assert self._state(airflow, TaskRef(MAPPED, mapped_run.run_id, "import_region", 3)).state == "failed"
