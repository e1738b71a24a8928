"""/livez, /readyz and /metrics: whether the process is alive, whether it can accept signals, and its figures.

`/readyz` fails only if the bot can't accept and store signals. A Slack or an Airflow that is down is in its body and in
the metrics, because restarting the bot would not help.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from bot.core.errors import Permanent, Temporary
from bot.responder.lookups.figures import Figures, figures
from bot.web.http import Edge, answer, edge_of

KEEPS_FROM_WORK = frozenset({"store", "intake", "canary"})


async def livez(_: Request) -> Response:
    return answer({"alive": True})


async def readyz(request: Request) -> Response:
    """200 if signals can be accepted and stored, otherwise 503; the body lists each failing part. The text after a
    colon comes from another program and contains hosts and ports, so it is only for readers with a token."""
    edge = edge_of(request)
    trouble = await run_in_threadpool(edge.probe.trouble)
    parts = {"store": trouble, **await run_in_threadpool(edge.parts)}
    knows = edge.tokens().reads(request.headers.get("authorization", ""))
    wrong = {name: said if knows else said.partition(":")[0] for name, said in parts.items() if said}
    ready = not wrong.keys() & KEEPS_FROM_WORK
    return answer({"ready": ready, "wrong": wrong}, 200 if ready else 503)


async def metrics(request: Request) -> Response:
    """Prometheus's text format, read from the store at each scrape."""
    registry = CollectorRegistry()
    registry.register(_Collector(edge_of(request)))
    return Response(await run_in_threadpool(generate_latest, registry), media_type=CONTENT_TYPE_LATEST)


class _Collector:
    """The bot's metrics at this moment."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def collect(self) -> Iterator[Metric]:
        taken = CounterMetricFamily("windsock_signals", "Signals by what became of them", labels=["outcome"])
        for outcome, number in self._edge.counted.items():
            taken.add_metric([outcome], number)
        yield taken
        yield GaugeMetricFamily(
            "windsock_signals_unobserved", "Stored and not yet observed", value=self._edge.intake.observer.behind
        )
        yield from self._stored()
        part = GaugeMetricFamily("windsock_part_up", "1 when the part is well", labels=["part"])
        for name, sentence in self._edge.parts().items():
            part.add_metric([name], 0 if sentence else 1)
        yield part

    def _stored(self) -> Iterator[Metric]:
        """The metrics from the store. If it is unavailable, only `windsock_store_up` as 0, because the other metrics
        are still useful."""
        up = GaugeMetricFamily("windsock_store_up", "1 when the store answers")
        try:
            seen = figures(self._edge.services)
        except (Temporary, Permanent):
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        now = seen.tally
        yield up
        yield GaugeMetricFamily(
            "windsock_signals_set_aside", "Signals that could not be processed and were set aside", value=seen.set_aside
        )
        open_ones = GaugeMetricFamily("windsock_incidents", "Incidents not resolved", labels=["state", "severity"])
        for (state, severity), number in now.incidents.items():
            open_ones.add_metric([state, severity], number)
        yield open_ones
        owed = GaugeMetricFamily("windsock_alerts_owed", "Alerts whose place shows an older version", labels=["place"])
        for place, number in now.owed.items():
            owed.add_metric([place], number)
        yield owed
        yield GaugeMetricFamily(
            "windsock_alert_oldest_owed_seconds", "How long the oldest is due", value=now.oldest_seconds
        )
        yield GaugeMetricFamily("windsock_remediations_active", "Remediations under way", value=now.remediations)
        yield from _coverage(seen)


def _coverage(seen: Figures) -> Iterator[Metric]:
    """Failures that Airflow knows, what reported them first, and the share that was reported."""
    known = CounterMetricFamily(
        "windsock_failures_known", "Failed tries and runs that Airflow knows", labels=["deployment"]
    )
    told = CounterMetricFamily(
        "windsock_failures_told", "Failures by what reported them first", labels=["deployment", "by"]
    )
    ratio = GaugeMetricFamily(
        "windsock_coverage_ratio", "Told of known; below 1 one goes unseen", labels=["deployment"]
    )
    for deployment, covered in seen.coverage.items():
        known.add_metric([deployment], covered.known)
        for by, number in covered.reported:
            told.add_metric([deployment, by], number)
        ratio.add_metric([deployment], covered.ratio)
    yield from (known, told, ratio)
