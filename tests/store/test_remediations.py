"""Plans are used once; remediations are claimed and carried on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.core.errors import Temporary
from bot.core.remediation import Change, Plan, Progress
from bot.store import remediations
from bot.store.database import Store
from tests.given import ANA, NOW, at_once
from tests.store.samples import SOON, a_plan, an_incident


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
