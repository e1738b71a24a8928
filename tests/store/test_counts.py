"""Tallies of signals and alerts."""

from __future__ import annotations

from datetime import timedelta

from bot.core.incidents.alert import Kind, Place
from bot.core.incidents.incident import State
from bot.store import alerts, counts, remediations
from bot.store.database import Store
from tests.given import NOW
from tests.store.samples import SOON, an_incident
from tests.store.test_remediations import a_plan_in


class TestTallies:
    def test_the_figures_are_those_of_this_moment(self, store: Store) -> None:
        first = an_incident(store, key="a")
        an_incident(store, key="b", state=State.acknowledged)
        an_incident(store, key="c", state=State.resolved, resolved_at=NOW)
        with store.write() as t:
            alerts.ensure(t, first.id, Place(Kind.pager, "pagerduty"), SOON)
            remediations.ask(t, a_plan_in(t), NOW)
            counted = counts.tally(t, NOW + timedelta(seconds=9))
        assert counted.incidents == {("open", "error"): 1, ("acknowledged", "error"): 1}
        assert counted.owed == {"slack": 3, "pagerduty": 1}
        assert counted.oldest_seconds == 9
        assert counted.remediations == 1
