"""The coverage figures as Prometheus reads them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from bot.responder.lookups.figures import Figures
from bot.store.counts import Tally
from bot.store.signals.coverage import Coverage
from bot.web.health import _coverage


class Metrics:
    def collect(self) -> list[object]:
        covered = {"prod": Coverage(4, {"hook": 2, "sweep": 1}), "new": Coverage()}
        return list(_coverage(Figures(Tally({}, {}, 0.0, 0), covered, 0)))


def test_known_told_and_ratio_stand_in_the_metrics() -> None:
    registry = CollectorRegistry()
    registry.register(Metrics())  # type: ignore[arg-type]
    lines = generate_latest(registry).decode().splitlines()
    assert 'windsock_failures_known_total{deployment="prod"} 4.0' in lines
    assert 'windsock_failures_told_total{by="hook",deployment="prod"} 2.0' in lines
    assert 'windsock_failures_told_total{by="sweep",deployment="prod"} 1.0' in lines
    assert 'windsock_coverage_ratio{deployment="prod"} 0.75' in lines
    assert 'windsock_coverage_ratio{deployment="new"} 1.0' in lines
