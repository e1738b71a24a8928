"""Incidents, their subjects and timelines."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.core.errors import Temporary
from bot.core.incidents.incident import Entry, Incident, State
from bot.core.incidents.routing import Silence
from bot.store import incidents
from bot.store.database import Store
from tests.given import ANA, NOW, failure
from tests.store.samples import FAR_BACK, SOON, an_incident


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
        known = an_incident(store, signal)
        with store.read() as t:
            assert incidents.explained_runs(t, [signal.run, failure(run_id="other").run]) == {signal.run: known.id}
