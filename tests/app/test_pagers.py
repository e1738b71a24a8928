"""A second pager is a client and one row: here one that only logs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.app.pagers import PAGERS, Pagers, Row, titles
from bot.config.settings import Settings
from bot.core.errors import Permanent
from bot.core.incidents.alert import Alert, Kind, Place, page_word
from bot.core.incidents.view import View
from bot.responder.alerts.delivery import Shown, catch_up
from bot.responder.alerts.views import view_of
from bot.responder.incidents.presses import press
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.slack.alert.message import alert as message
from bot.store import alerts
from tests.given import ANA, Clock, failure, some_services

logger = logging.getLogger(__name__)


class LogPager:
    """Pages by a line in the log."""

    def __call__(self, alert: Alert, seen: View) -> Shown:
        word = page_word(alert, seen.incident)
        if word is None:
            return Shown(ref=alert.ref, said=alert.said)
        logger.warning("%s %s", word, seen.incident.name)
        return Shown(ref=seen.incident.name, said="trigger" if word == "again" else word, paged=word != "resolve")

    def close(self) -> None:
        pass


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setitem(PAGERS, "log", Row("The log", lambda _: True, lambda _: LogPager()))
    return Settings()


@pytest.fixture
def services(settings: Settings, tmp_path: Path) -> Iterator[Services]:
    made = some_services(f"sqlite:///{tmp_path / 's.db'}", Clock(), pagers=titles(settings))
    yield made
    made.store.close()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == __name__]


def test_an_incident_pages_is_acknowledged_and_resolves_in_the_second_pager(
    services: Services, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    assert services.pagers == {"log": "The log"}
    pagers = Pagers(settings)
    report(services, [failure(tags=["critical"])])
    catch_up(services, Kind.pager, pagers)
    seen = view_of(services, 1)
    assert seen is not None
    assert "The log rang, no answer yet" in str(message(seen))
    for verb in ("acknowledge", "resolve"):
        services.clock.pass_by(seconds=5)  # type: ignore[attr-defined]
        press(services, ANA, verb, 1)
        catch_up(services, Kind.pager, pagers)
    assert lines(caplog) == ["trigger A-1", "acknowledge A-1", "resolve A-1"]


def test_every_configured_pager_pages(settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings.model_validate({"pagerduty": {"routing_key": "k" * 32}})
    assert titles(settings) == {"pagerduty": "PagerDuty", "log": "The log"}
    services = some_services(f"sqlite:///{tmp_path / 'both.db'}", Clock(), pagers=titles(settings))
    report(services, [failure(tags=["critical"])])
    with services.store.read() as t:
        places = {alert.place for alert in alerts.of_incident(t, 1) if alert.place.kind is Kind.pager}
    assert places == {Place(Kind.pager, "pagerduty"), Place(Kind.pager, "log")}


def test_a_pager_that_was_removed_is_said_on_the_alert_and_keeps_no_other_from_paging(
    services: Services, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    services.pagers = {"gone": "Gone", **services.pagers}
    report(services, [failure(tags=["critical"])])
    catch_up(services, Kind.pager, Pagers(settings))
    assert lines(caplog) == ["trigger A-1"]
    with services.store.read() as t:
        errors = {str(alert.place): alert.error for alert in alerts.of_incident(t, 1)}
    assert errors["gone"] == "gone is not configured any more"
    with pytest.raises(Permanent, match="not configured"):
        Pagers(settings)(Alert(1, 1, Place(Kind.pager, "gone")), None)  # type: ignore[arg-type]
