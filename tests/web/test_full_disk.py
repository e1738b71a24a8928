"""What was posted is seen by who posts it, and a full disk is a 503: nothing that was answered 202 is lost."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, event

from bot.responder.services import Services
from bot.responder.signals.intake import Intake
from bot.store.signals import signals
from bot.web.http import Edge
from bot.web.routes import site
from tests.given import SENT
from tests.web.conftest import TestClient

URL = "/v1/signals"


def test_who_posts_and_reads_sees_what_was_posted(http: TestClient) -> None:
    for n in range(30):
        assert http.post(URL, json=SENT | {"dag_id": f"d{n}"}).status_code == 202
        (one,) = http.get("/v1/incidents").json()["incidents"]
        assert one["counts"]["failures"] == n + 1
    assert len(http.get("/v1/incidents/1").json()["subjects"]) == 30


class SmallDisk:
    """A disk that holds as many pages as it is told to."""

    def __init__(self, services: Services) -> None:
        with services.store.taking() as t:
            self.pages: int = t.exec_driver_sql("pragma page_count").scalar_one()
        event.listen(services.store._engine, "begin", self._limit)

    def _limit(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"pragma max_page_count={self.pages}")

    def grow(self) -> None:
        self.pages = 1_000_000


@pytest.fixture
def full(services: Services) -> SmallDisk:
    return SmallDisk(services)


@pytest.mark.parametrize("road", ["one by one", "at once"])
def test_a_full_disk_is_a_503_until_there_is_room_and_nothing_is_half_taken(
    services: Services, full: SmallDisk, road: str
) -> None:
    """SQLite itself says that the disk is full; senders are told when to come back, and nothing that was answered 202 is
    lost."""
    intake = Intake(services)
    intake.start()
    try:
        http = TestClient(site(Edge(services, intake)), raise_server_exceptions=False)
        told = [SENT | {"task_id": f"t{n}", "log_url": "x" * 1_900} for n in range(300)]
        bodies = [{"signals": told}] if road == "at once" else told
        answers = [http.post(URL, json=one) for one in bodies]
        refused = [one for one in answers if one.status_code != 202]
        assert refused
        assert {(one.status_code, one.headers["retry-after"]) for one in refused} == {(503, "5")}
        assert "full" in refused[0].json()["error"]
        taken = sum(one.json()["accepted"] for one in answers if one.status_code == 202)
        with services.store.read() as t:
            assert len(signals.after(t, 0, 1_000)) == taken
        full.grow()
        again = [http.post(URL, json=one).json() for one in bodies]
        assert sum(one["accepted"] for one in again) == 300 - taken
        assert sum(one["duplicates"] for one in again) == taken
        (known,) = http.get("/v1/incidents").json()["incidents"]
        assert known["counts"]["failures"] == 300
        assert intake.observer.state() == ""
    finally:
        intake.stop()
