"""The pagers, one row each: adding one takes a folder beside `bot/pagerduty` with a client, and a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.config.settings import Settings
from bot.core.errors import Permanent
from bot.core.incidents.alert import Alert
from bot.core.incidents.view import View
from bot.pagerduty.events import PagerDuty
from bot.responder.alerts.delivery import Show, Shown


class Pager(Show, Protocol):
    """Shows an incident to the person on call; what to send is `page_word` of the alert."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Row:
    """`title` is what people call it; `of` makes it from the settings."""

    title: str
    is_configured: Callable[[Settings], bool]
    of: Callable[[Settings], Pager]


def _pagerduty(settings: Settings) -> Pager:
    return PagerDuty(settings.pagerduty.routing_key.get_secret_value(), settings.pagerduty.events_url, "windsock")


PAGERS: dict[str, Row] = {
    "pagerduty": Row("PagerDuty", lambda settings: bool(settings.pagerduty.routing_key.get_secret_value()), _pagerduty),
}


def titles(settings: Settings) -> dict[str, str]:
    """What people call each pager that is configured, by its name."""
    return {name: row.title for name, row in PAGERS.items() if row.is_configured(settings)}


class Pagers:
    """The configured pagers as one; an alert's place says which of them shows it."""

    def __init__(self, settings: Settings) -> None:
        self._pagers = {name: PAGERS[name].of(settings) for name in titles(settings)}

    def __call__(self, alert: Alert, seen: View) -> Shown:
        pager = self._pagers.get(alert.place.target)
        if pager is None:
            raise Permanent(f"{alert.place} is not configured any more", "address")
        return pager(alert, seen)

    def close(self) -> None:
        for pager in self._pagers.values():
            pager.close()
