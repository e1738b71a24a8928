"""Alerts are owed, claimed and recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.core.incidents.alert import Alert, Kind, Lane, Place
from bot.core.incidents.incident import Entry
from bot.store import alerts, incidents
from bot.store.database import Store
from tests.given import NOW, at_once
from tests.store.samples import FAR, FAR_BACK, SOON, an_incident


class TestAlerts:
    def due(self, store: Store, now: datetime = NOW) -> list[Alert]:
        with store.read() as t:
            return alerts.due(t, Kind.slack, now)

    def test_an_alert_is_made_once_and_the_earlier_time_wins(self, store: Store) -> None:
        known = an_incident(store)
        with store.write() as t:
            for at in (SOON, NOW + timedelta(seconds=30), SOON):
                alerts.ensure(t, known.id, Place(Kind.pager, "pagerduty"), at)
        with store.read() as t:
            assert [alert.due_at for alert in alerts.of_incident(t, known.id)] == [NOW, NOW + timedelta(seconds=30)]
            assert alerts.next_due(t, Kind.pager) == NOW + timedelta(seconds=30)

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
            alerts.ensure(t, known.id, Place(Kind.pager, "pagerduty"), SOON)
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
