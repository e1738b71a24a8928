"""What the store promises, on SQLite and on a real PostgreSQL alike."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, func, inspect, select

from bot.core.access import Person
from bot.core.airflow.protocol import Scope, TaskRef
from bot.core.errors import Permanent, Temporary
from bot.core.incidents.alert import Alert, Kind, Lane, Place
from bot.core.incidents.incident import Entry, Incident, State
from bot.core.incidents.lifecycle import begin
from bot.core.incidents.routing import Silence
from bot.core.remediation import Change, Plan, Progress, Surprise
from bot.core.signals.signal import Signal
from bot.core.signals.wire import parse
from bot.store import alerts, counts, incidents, remediations, silences, state
from bot.store.audit import record
from bot.store.database import Store
from bot.store.signals import signal_rows, signals
from bot.store.tables import audit, metadata
from bot.store.tables import signals as rows
from tests.given import ANA, NOW, RUN, at_once, failure, placed, told

SLACK = Place(Kind.slack, "#data-alerts")
SOON = NOW + timedelta(seconds=60)
FAR = NOW + timedelta(seconds=110)
FAR_BACK = NOW - timedelta(hours=4)


def an_incident(store: Store, signal: Signal | None = None, **changed: Any) -> Incident:
    """A stored incident with one subject and one alert that is due."""
    signal = signal or failure()
    made = replace(begin(signal, *placed(signal), runbook="", silence=None, now=NOW).incident, **changed)
    with store.write() as t:
        made = incidents.add(t, made)
        incidents.add_subjects(t, [(made.id, signal)])
        alerts.ensure(t, made.id, SLACK, NOW)
    return made


def a_plan(store: Store, plan_id: str = "p1", incident_id: int | None = None) -> Plan:
    ref = TaskRef("sales", RUN, "load", 3)
    changes = (Change("load[3]", "failed", "runs again", RUN, ref, Surprise.none), Change("sales", "on", "paused"))
    plan = Plan(plan_id, "clear", "prod", changes, ANA, NOW, incident_id, (Scope("sales", RUN, (("load", 3), ("x", None))),),
                {"note": "a"}, "C1", ("careful",))  # fmt: skip
    with store.write() as t:
        remediations.add_plan(t, plan)
    return plan


class TestSchema:
    def test_it_is_made_from_nothing_and_equals_the_tables(self, store: Store) -> None:
        with store.read() as t:
            context = MigrationContext.configure(t, opts={"compare_type": True, "compare_server_default": True})
            assert compare_metadata(context, metadata) == []
            assert set(inspect(t).get_table_names()) == {*metadata.tables, "alembic_version"}

    def test_bringing_it_up_to_date_twice_changes_nothing(self, store: Store) -> None:
        an_incident(store)
        store.migrate()
        with store.read() as t:
            assert len(incidents.listed(t)) == 1

    def test_a_second_process_can_open_it_while_the_first_lives(self, store: Store) -> None:
        """A lock that outlives the migration would make every later start hang."""
        other = Store(store.url)
        (result,) = at_once(other.migrate)
        other.close()
        assert result is None

    def test_it_is_made_in_one_transaction(self, url: str) -> None:
        """Between two of them another process that starts finds the rest missing as well, and makes it, too."""
        made, commits = Store(url), []
        event.listen(made._engine, "commit", commits.append)
        made.migrate()
        made.close()
        assert len(commits) == 1

    def test_two_processes_that_start_at_once_both_find_it_made(self, url: str) -> None:
        code = f"from bot.store.database import Store; s = Store({url!r}); s.migrate(); s.ping()"
        both = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(2)]
        assert [(process.communicate(timeout=60)[1], process.returncode) for process in both] == [("", 0), ("", 0)]


class TestTransactions:
    def test_a_block_that_fails_leaves_nothing(self, store: Store) -> None:
        def half() -> None:
            with store.write() as t:
                state.keep(t, "a", {"x": 1})
                raise RuntimeError

        with pytest.raises(RuntimeError):
            half()
        with store.read() as t:
            assert state.recall(t, "a") == {}

    def test_a_reader_sees_the_last_commit_and_does_not_wait_for_a_writer(self, store: Store) -> None:
        with store.write() as t:
            state.keep(t, "a", {"x": 1})
            with store.read() as reader:
                assert state.recall(reader, "a") == {}
        with store.read() as reader:
            assert state.recall(reader, "a") == {"x": 1}

    def test_writers_wait_for_each_other_and_none_is_lost(self, store: Store) -> None:
        def add_one() -> None:
            for _ in range(10):
                with store.write() as t:
                    if not store.is_sqlite:
                        incidents.for_change(t, incident.id)
                    state.keep(t, "n", {"n": state.recall(t, "n").get("n", 0) + 1})

        incident = an_incident(store)
        assert at_once(add_one, add_one, add_one) == [None, None, None]
        with store.read() as t:
            assert state.recall(t, "n") == {"n": 30}

    def test_a_database_that_is_away_is_temporary(self, url: str) -> None:
        away = (
            "postgresql+psycopg://windsock@127.0.0.1:1/x" if url.startswith("postgresql") else "sqlite:////no/such/x.db"
        )
        with pytest.raises(Temporary):
            Store(away).ping()

    def test_a_statement_that_the_database_refuses_is_permanent(self, store: Store) -> None:
        with pytest.raises((Permanent, Temporary)), store.write() as t:
            t.exec_driver_sql("select no_such_function_here()")


class TestTake:
    def take(self, store: Store, *batch: Signal) -> list[Signal]:
        with store.taking() as t:
            news = signals.take(t, [signal_rows.letter(signal) for signal in batch], NOW)
        return [signal for signal, is_news in zip(batch, news, strict=True) if is_news]

    def test_what_was_told_before_is_not_taken_again(self, store: Store) -> None:
        first, again, other = failure(), failure("told by another road", source="sweep"), failure(try_number=2)
        assert self.take(store, first, again) == [first]
        assert self.take(store, again, other) == [other]
        with store.read() as t:
            assert t.scalar(select(func.count()).select_from(rows)) == 2

    def test_what_flips_is_taken_at_each_turn(self, store: Store) -> None:
        broken, mended = told("import_error"), told("import_fixed")
        assert self.take(store, broken, broken, mended, broken, mended) == [broken, mended, broken, mended]
        assert self.take(store, mended) == []
        assert self.take(store, broken, broken) == [broken]

    def test_the_order_is_kept(self, store: Store) -> None:
        batch = [failure(task_id=f"t{n}") for n in range(2_500)]
        batch.insert(1_200, told("import_error"))
        assert self.take(store, *batch) == batch

    def test_two_who_tell_the_same_at_once_are_one(self, store: Store) -> None:
        batch = [failure(task_id=f"t{n}") for n in range(50)]
        results = at_once(*(lambda part=part: self.take(store, *part) for part in (batch, batch, batch)))
        assert sorted(len(result) for result in results) == [0, 0, 50], results

    def test_any_name_that_airflow_allows_can_be_stored(self, store: Store) -> None:
        long = [
            failure(dag_id="ü" * 500, run_id="ほ" * 500, task_id="🙂" * 500, map_index=2**31 - 1, deployment="d" * 500)
        ]
        assert self.take(store, *long) == long
        with store.read() as t:
            (kept,) = signals.after(t, 0, 10)
        assert parse(kept.body, kept.received_at) == long[0]

    def test_they_are_read_back_in_the_order_in_which_they_came_a_part_at_a_time(self, store: Store) -> None:
        batch = [failure(task_id=f"t{n}") for n in range(20)]
        self.take(store, *batch)
        with store.write() as t:
            first = signals.after(t, signals.observed(t), 12)
            signals.set_observed(t, first[-1].id)
            rest = signals.after(t, signals.observed(t), 12)
            assert rest[-1].id == signals.newest(t)
        assert [one.body["task_id"] for one in [*first, *rest]] == [signal.task_id for signal in batch]
        assert not any(one.again for one in [*first, *rest])

    def test_the_reason_that_was_missing_is_kept_once(self, store: Store) -> None:
        bare = told(exception=None)
        for batch in ([bare], [bare], [failure("why"), failure("why")], [failure("why")]):
            self.take(store, *batch)
        with store.read() as t:
            assert [one.again for one in signals.after(t, 0, 10)] == [False, True]

    def test_what_was_only_told_again_goes_once_it_was_observed_but_the_newest_stays(self, store: Store) -> None:
        bare = [told(exception=None, map_index=n) for n in range(2)]
        self.take(store, bare[0], failure("why", map_index=0), bare[1], failure("why", map_index=1))
        signals.drop_told_again(store, [1, 2, 3, 4])
        with store.read() as t:
            assert [(one.id, one.again) for one in signals.after(t, 0, 10)] == [(1, False), (3, False), (4, True)]


class TestIncidents:
    def test_an_incident_is_read_back_as_it_was_stored(self, store: Store) -> None:
        silence = Silence(1, "dag:sales", "prod", SOON, "Ana", "known")
        full = an_incident(
            store, failure(tags=["x"], extra={"a": [1]}, max_tries=2), state=State.acknowledged, holder=ANA, held_at=NOW,
            silence=silence, page_at=SOON, escalated_at=NOW, reopened_at=NOW, runbook="b", times=3, mention="@x",
            context={"waiting": 4, "recent": ["failed"]}, last_holder="Ben", resolved_by="", resolution="",
        )  # fmt: skip
        with store.read() as t:
            assert incidents.get(t, full.id) == full
            assert incidents.get(t, full.id + 1) is None
        with store.write() as t:
            incidents.save(t, changed := replace(full, version=9, state=State.resolved, resolved_at=SOON, holder=None))
            assert incidents.for_change(t, full.id) == changed
            assert incidents.many(t, [full.id]) == [changed]

    def test_one_cause_can_have_one_open_incident_by_the_databases_own_word(self, store: Store) -> None:
        known = an_incident(store)
        with pytest.raises(Temporary):  # somebody else was first; asked again, it is found
            an_incident(store)
        with store.write() as t:
            incidents.save(t, replace(known, state=State.resolved, resolved_at=NOW))
        assert an_incident(store).id != known.id

    def test_by_its_key_the_open_one_is_found_else_the_one_resolved_last(self, store: Store) -> None:
        def over(at: datetime) -> Incident:
            return an_incident(store, state=State.resolved, resolved_at=at)

        def found(since: datetime = FAR_BACK) -> int | None:
            with store.read() as t:
                known = incidents.by_keys(t, [key, "no such key"], since).get(key)
            return known.id if known else None

        first = over(NOW - timedelta(hours=3))
        key = first.key
        second = over(NOW - timedelta(hours=1))
        assert found() == second.id
        assert found(NOW) is None
        last = an_incident(store)
        assert found() == found(NOW) == last.id
        third = over(NOW)
        assert third.id > last.id
        assert found() == last.id

    def test_they_are_listed_newest_first_by_state_and_by_page(self, store: Store) -> None:
        made = [an_incident(store, failure(str(n) * 3 + "abcde"[n]), key=f"k{n}").id for n in range(5)]
        with store.write() as t:
            known = incidents.get(t, made[1])
            assert known
            incidents.save(t, replace(known, state=State.resolved, resolved_at=NOW))
        with store.read() as t:
            assert [i.id for i in incidents.listed(t)] == made[::-1]
            assert [i.id for i in incidents.listed(t, ["resolved"])] == [made[1]]
            assert [i.id for i in incidents.listed(t, ["open"], before=made[3], limit=2)] == [made[2], made[0]]

    def test_the_counts_are_exact(self, store: Store) -> None:
        known = an_incident(store)
        told_here = [failure(dag_id=f"d{n % 3}", task_id="t", map_index=n, try_number=1) for n in range(3_000)]
        again = [failure(dag_id="d0", task_id="t", map_index=0, try_number=2, occurred_at="2026-11-22T04:00:00Z")]
        with store.write() as t:
            incidents.add_subjects(t, [(known.id, signal) for signal in told_here + again])
            sick = incidents.sick_of(t, [told_here[0].thing])
            assert len(sick) == 2
            incidents.set_well(t, [subject for _, _, subject in sick], SOON)
        with store.read() as t:
            counted = incidents.counts(t, known.id, NOW)
            assert (counted.failures, counted.things, counted.sick, counted.recent) == (3_002, 3_001, 3_000, 3_001)
            assert counted.dags == (("d0", 1_001), ("d1", 1_000), ("d2", 1_000), ("sales", 1))
            assert counted.first_at == again[0].occurred_at
            assert counted.last_at == NOW
            assert len(incidents.subjects_of(t, known.id)) == 3_002
            assert len(incidents.subjects_of(t, known.id, sick=True, limit=10)) == 10
            assert incidents.sick_of(t, [told_here[0].thing]) == []

    def test_a_hand_that_resolves_and_takes_it_back_moves_only_what_it_moved(self, store: Store) -> None:
        known = an_incident(store)
        with store.write() as t:
            incidents.add_subjects(t, [(known.id, healed := failure(task_id="healed"))])
            incidents.set_well(t, [row[2] for row in incidents.sick_of(t, [healed.thing])], NOW)
            incidents.all_well(t, known.id, SOON)
            assert incidents.sick_count(t, known.id) == 0
            incidents.sick_again(t, known.id, SOON)
            assert incidents.sick_count(t, known.id) == 1

    def test_a_timeline_is_kept_in_order(self, store: Store) -> None:
        known = an_incident(store)
        lines = [Entry(NOW, "opened", "it failed"), Entry(SOON, "cleared", "Ana did", "Ana", ANA.id, {"n": 3})]
        with store.write() as t:
            for line in lines:
                incidents.add_entry(t, known.id, line)
        with store.read() as t:
            kept = incidents.timeline(t, known.id)
            assert [replace(line, id=0) for line in kept] == lines
            assert incidents.timeline(t, known.id, after=kept[0].id) == kept[1:]

    def test_a_run_is_explained_by_a_task_of_it(self, store: Store) -> None:
        signal = failure()
        an_incident(store, signal)
        with store.read() as t:
            assert incidents.run_is_explained(t, [signal.run, failure(run_id="other").run]) == {signal.run}


class TestAlerts:
    def due(self, store: Store, now: datetime = NOW) -> list[Alert]:
        with store.read() as t:
            return alerts.due(t, Kind.slack, now)

    def test_an_alert_is_made_once_and_the_earlier_time_wins(self, store: Store) -> None:
        known = an_incident(store)
        with store.write() as t:
            for at in (SOON, NOW + timedelta(seconds=30), SOON):
                alerts.ensure(t, known.id, Place(Kind.pagerduty), at)
        with store.read() as t:
            assert [alert.due_at for alert in alerts.of_incident(t, known.id)] == [NOW, NOW + timedelta(seconds=30)]
            assert alerts.next_due(t, Kind.pagerduty) == NOW + timedelta(seconds=30)

    def test_what_shows_the_newest_is_not_owed(self, store: Store) -> None:
        known = an_incident(store)
        (alert,) = self.due(store)
        assert self.due(store, NOW - timedelta(seconds=1)) == []
        with store.write() as t:
            alerts.change(t, alert.id, shown=1)
        assert self.due(store) == []
        with store.write() as t:
            incidents.save(t, replace(known, version=2))
        assert [one.id for one in self.due(store)] == [alert.id]

    def test_what_was_never_shown_goes_first(self, store: Store) -> None:
        seen, fresh = an_incident(store, key="a", version=2), an_incident(store, key="b")
        with store.write() as t:
            alerts.change(t, self.due(store)[0].id, shown=1, due_at=FAR_BACK)
        assert [alert.incident_id for alert in self.due(store)] == [fresh.id, seen.id]

    def test_exactly_one_of_many_gets_an_alert(self, store: Store) -> None:
        an_incident(store)
        (alert,) = self.due(store)

        def claim() -> bool:
            with store.write() as t:
                return alerts.claim(t, alert, NOW, SOON)

        assert sorted(at_once(claim, claim, claim, claim)) == [False, False, False, True]
        assert self.due(store) == []

    def test_a_claim_ends_by_itself(self, store: Store) -> None:
        an_incident(store)
        (alert,) = self.due(store)
        with store.write() as t:
            assert alerts.claim(t, alert, NOW, SOON)
            assert not alerts.claim(t, alert, NOW, SOON)
            assert alerts.claim(t, alert, SOON, SOON + timedelta(seconds=60))

    @pytest.mark.parametrize("moved", [{"shown": 1}, {"due_at": SOON}])
    def test_an_alert_that_moved_since_it_was_seen_is_nobodys(self, store: Store, moved: dict[str, Any]) -> None:
        an_incident(store)
        (alert,) = self.due(store)
        with store.write() as t:
            alerts.change(t, alert.id, **moved)
            assert not alerts.claim(t, alert, SOON, SOON)

    def test_a_press_is_shown_at_once_and_rings_nobody_earlier(self, store: Store) -> None:
        known = an_incident(store)
        with store.write() as t:
            alerts.ensure(t, known.id, Place(Kind.pagerduty), SOON)
            alerts.change(t, alerts.of_incident(t, known.id)[0].id, due_at=SOON)
            alerts.hurry(t, known.id, NOW)
            assert [alert.due_at for alert in alerts.of_incident(t, known.id)] == [NOW, SOON]

    def test_a_message_leads_to_its_incident(self, store: Store) -> None:
        known = an_incident(store)
        with store.write() as t:
            alerts.change(t, self.due(store)[0].id, channel_id="C1", ref="17.5", error="channel_not_found")
            assert alerts.by_ref(t, "C1", "17.5") == known.id
            assert alerts.by_ref(t, "C2", "17.5") is None
            assert [alert.error for alert in alerts.failing(t)] == ["channel_not_found"]

    def test_a_thread_that_tells_less_than_there_is_is_found(self, store: Store) -> None:
        known = an_incident(store)
        with store.write() as t:
            incidents.add_entry(t, known.id, Entry(NOW, "opened", "it failed"))
            assert alerts.untold(t, NOW) is None  # not shown yet
            alerts.change(t, self.due(store)[0].id, ref="17.5", channel_id="C1")
            alert = alerts.untold(t, NOW)
            assert alert is not None
            assert alerts.next_tell(t, NOW) == NOW
            assert alerts.untold(t, NOW, {"C1"}) is None
            alerts.hold_threads(t, "C1", SOON)
            assert alerts.untold(t, NOW) is None
            assert alerts.next_tell(t, NOW) == SOON
            alerts.mended(t, alert, NOW)
            assert alerts.untold(t, NOW) == alert
            alerts.change(t, alert.id, told=incidents.timeline(t, known.id)[-1].id)
            assert alerts.untold(t, NOW) is None
            assert alerts.next_tell(t, NOW) is None

    def test_what_has_changed_its_state_is_due_before_what_only_grows(self, store: Store) -> None:
        known = an_incident(store)
        with store.write() as t:
            (alert,) = alerts.due(t, Kind.slack, NOW)
            alerts.change(t, alert.id, shown=1, ref="17.5", shown_at=NOW, due_at=FAR)
            incidents.touch(t, known.id)
            assert alerts.due(t, Kind.slack, SOON) == []
            assert alerts.next_due(t, Kind.slack) == FAR
            assert list(alerts.growing(t, Kind.slack, SOON)) == [alert.id]
            (grown,) = alerts.due(t, Kind.slack, SOON, [alert.id])
            assert (grown.news, grown.over) == (False, True)
            incidents.add_entry(t, known.id, Entry(NOW, "resolved", "it is well"))
            assert alerts.due(t, Kind.slack, NOW) == []  # two edits are a second apart
            assert alerts.next_due(t, Kind.slack) == NOW + timedelta(seconds=1)
            (news,) = alerts.due(t, Kind.slack, NOW + timedelta(seconds=1))
            assert (news.news, news.over) == (True, False)
            assert alerts.due(t, Kind.slack, SOON, closed={(Lane.growth, "")}) != []
            assert alerts.due(t, Kind.slack, SOON, closed={(Lane.change, "")}) == []
            alerts.change(t, alert.id, tries=1)
            assert alerts.due(t, Kind.slack, SOON) == []  # a place that fails keeps its backoff

    def test_a_closed_lane_of_posts_closes_its_own_channel_only(self, store: Store) -> None:
        an_incident(store)
        with store.write() as t:
            (alert,) = alerts.due(t, Kind.slack, NOW)
            assert alerts.due(t, Kind.slack, NOW, closed={(Lane.post, "#other"), (Lane.press, "")}) == [alert]
            assert alerts.due(t, Kind.slack, NOW, closed={(Lane.post, alert.place.target)}) == []
            assert alerts.next_due(t, Kind.slack, {(Lane.post, alert.place.target)}) is None

    def test_after_a_restart_what_failed_is_tried_at_once(self, store: Store) -> None:
        an_incident(store)
        with store.write() as t:
            (alert,) = alerts.due(t, Kind.slack, NOW)
            alerts.change(t, alert.id, error="the bot token was revoked", tries=3, due_at=FAR)
            assert alerts.due(t, Kind.slack, NOW) == []
            alerts.try_at_once(t, NOW)
            assert [one.id for one in alerts.due(t, Kind.slack, NOW)] == [alert.id]


class TestRemediations:
    def test_a_plan_is_read_back_as_it_was_stored(self, store: Store) -> None:
        plan = a_plan(store)
        with store.read() as t:
            assert remediations.plan(t, plan.id) == (plan, None)
            assert remediations.plan(t, "none") is None

    def test_exactly_one_of_many_confirmations_uses_a_plan(self, store: Store) -> None:
        plan = a_plan(store)

        def use() -> bool:
            with store.write() as t:
                return remediations.use_plan(t, plan.id, NOW)

        assert sorted(at_once(use, use, use, use)) == [False, False, False, True]
        with store.read() as t:
            assert remediations.plan(t, plan.id) == (plan, NOW)

    def test_exactly_one_of_many_carries_a_remediation_on(self, store: Store) -> None:
        with store.write() as t:
            asked = remediations.ask(t, a_plan_in(t), NOW)

        def claim() -> bool:
            with store.write() as t:
                return remediations.claim(t, asked, NOW, SOON)

        assert sorted(at_once(claim, claim, claim)) == [False, False, True]
        with store.read() as t:
            assert remediations.due(t, NOW) == []
            assert remediations.due(t, SOON) == [asked]

    def test_one_plan_is_one_remediation_by_the_databases_own_word(self, store: Store) -> None:
        plan = a_plan(store)
        with store.write() as t:
            remediations.ask(t, plan, NOW)
        with pytest.raises(Temporary), store.write() as t:
            remediations.ask(t, plan, NOW)

    def test_how_it_goes_is_kept(self, store: Store) -> None:
        plan = a_plan(store, incident_id=an_incident(store).id)
        with store.write() as t:
            asked = remediations.ask(t, plan, NOW)
            done = replace(asked, progress=Progress.done, version=3, tries=1, answer="x", began_at=NOW, ended_at=SOON,
                           tally={"done": 1})  # fmt: skip
            remediations.save(t, done)
        with store.read() as t:
            assert remediations.get(t, asked.id) == done
            assert remediations.latest(t, plan.incident_id or 0) == done
            assert remediations.due(t, SOON) == []
            assert remediations.unannounced(t) == []

    def test_what_no_incident_shows_is_announced(self, store: Store) -> None:
        plan = a_plan(store)
        with store.write() as t:
            asked = remediations.ask(t, plan, NOW)
            assert remediations.unannounced(t) == [(asked, "", "", False)]
            remediations.announced(t, asked.id, 1, "C1", "17.5")
            assert remediations.unannounced(t) == []
            remediations.save(t, replace(asked, version=2))
            assert [(channel, ref) for _, channel, ref, _ in remediations.unannounced(t)] == [("C1", "17.5")]


def a_plan_in(t: Any) -> Plan:
    plan = Plan("p9", "pause", "prod", (Change("sales", "on", "paused"),), ANA, NOW)
    remediations.add_plan(t, plan)
    return plan


class TestMemory:
    def test_a_value_is_kept_and_replaced(self, store: Store) -> None:
        with store.write() as t:
            assert state.recall(t, "k") == {}
            state.keep(t, "k", {"a": 1})
            state.keep(t, "k", {"b": [1, {"c": None}]})
            assert state.recall(t, "k") == {"b": [1, {"c": None}]}

    def test_a_silence_holds_until_its_end_or_until_it_is_ended(self, store: Store) -> None:
        with store.write() as t:
            late = silences.add_silence(t, Silence(0, "dag:b", "prod", SOON, "Ben", "x"), NOW)
            soon = silences.add_silence(t, Silence(0, "dag:a", "prod", NOW + timedelta(seconds=5), "Ana", "x"), NOW)
            assert silences.active_silences(t, NOW) == [soon, late]
            assert silences.active_silences(t, NOW + timedelta(seconds=5)) == [late]
            assert silences.end_silence(t, late.id, NOW)
            assert not silences.end_silence(t, late.id, NOW)
            assert not silences.end_silence(t, soon.id, SOON)
            assert silences.active_silences(t, NOW) == [soon]

    def test_the_audit_keeps_what_was_asked_and_what_came_of_it(self, store: Store) -> None:
        with store.write() as t:
            record(t, NOW, Person("U1", "Eve"), "clear", "x" * 5_000, allowed=False, outcome="no role")
            (line,) = t.execute(select(audit)).all()
        assert (line.at, line.who, line.who_id, line.verb, line.allowed, line.outcome) == (
            NOW, "Eve", "U1", "clear", False, "no role")  # fmt: skip
        assert len(line.argument) == 1_000


class TestTallies:
    def test_the_figures_are_those_of_this_moment(self, store: Store) -> None:
        first = an_incident(store, key="a")
        an_incident(store, key="b", state=State.acknowledged)
        an_incident(store, key="c", state=State.resolved, resolved_at=NOW)
        with store.write() as t:
            alerts.ensure(t, first.id, Place(Kind.pagerduty), SOON)
            remediations.ask(t, a_plan_in(t), NOW)
            counted = counts.tally(t, NOW + timedelta(seconds=9))
        assert counted.incidents == {("open", "error"): 1, ("acknowledged", "error"): 1}
        assert counted.owed == {"slack": 3, "pagerduty": 1}
        assert counted.oldest_seconds == 9
        assert counted.remediations == 1
