"""POST /v1/alertmanager: converts Prometheus Alertmanager's webhook to signals, firing and resolved.

An alert is identified by its labels, as in Prometheus. A repeated report is a duplicate; one after it was resolved is
new. Alerts of any name are accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bot.core.signals.signal import Signal
from bot.core.signals.wire import IDENTIFIER_LIMIT, BadSignal, clean, parse
from bot.web.http import Edge, Refusal, answer, edge_of, sender
from bot.web.signals import BATCH_LIMIT, body_of, committed, decoded

VERSION = "4"
_SEVERITIES = {"critical": "critical", "page": "critical", "warning": "warning", "info": "warning", "none": "warning"}
_DEPLOYMENT = ("deployment", "airflow", "cluster", "environment", "env")
# Labels that describe where an alert was measured rather than what it is about.
_SCRAPED = frozenset({"alertname", "severity", "job", "prometheus", "monitor", "replica", *_DEPLOYMENT})


async def post_alerts(request: Request) -> Response:
    """Accepts one notification; the answer has the same counts as that of /v1/signals."""
    deployments = sender(request)
    edge = edge_of(request)
    told = signals_of(edge, decoded(await body_of(request)), deployments)
    receipt = await committed(edge, told)
    return answer({"accepted": receipt.accepted, "duplicates": receipt.duplicates}, 202)


def signals_of(edge: Edge, body: Any, deployments: frozenset[str] | None = None) -> list[Signal]:
    """One signal per alert, of the sender's deployment if its token is restricted to one. Raises Refusal that names the
    field."""
    if not isinstance(body, dict):
        raise Refusal(400, "body: must be Alertmanager's JSON object")
    if str(body.get("version", "")) != VERSION:
        raise Refusal(422, f"version: this Windsock understands Alertmanager's version {VERSION}")
    alerts = body.get("alerts")
    if not isinstance(alerts, list):
        raise Refusal(422, "alerts: must be a list")
    if len(alerts) > BATCH_LIMIT:
        raise Refusal(413, f"alerts: are more than {BATCH_LIMIT}; set max_alerts in Alertmanager's webhook_config")
    now = edge.services.clock()
    default = min(edge.services.airflows, default="") if len(edge.services.airflows) == 1 else ""
    default = default or str(body.get("receiver") or "prometheus")
    bound = min(deployments) if deployments else ""
    return [_signal(alert, bound or default, now, f"alerts[{place}]", bound) for place, alert in enumerate(alerts)]


def _signal(alert: Any, default: str, now: datetime, where: str, bound: str) -> Signal:
    if not isinstance(alert, dict):
        raise Refusal(422, f"{where}: must be an object")
    labels, notes = (
        _texts(alert.get("labels"), f"{where}.labels"),
        _texts(alert.get("annotations"), f"{where}.annotations"),
    )
    firing = alert.get("status") != "resolved"
    body = _body(alert, labels, notes, default, firing=firing) | ({"deployment": bound} if bound else {})
    for instead in ({}, {"occurred_at": now.isoformat()}, {"dag_id": ""}, {"deployment": default}):
        body |= instead  # Alertmanager doesn't resend a refused notification, with its other alerts
        try:
            return parse(body, now)
        except BadSignal as error:
            refused = error
    raise Refusal(422, f"{where}: {refused}") from None


def _body(
    alert: Mapping[str, Any], labels: Mapping[str, str], notes: Mapping[str, str], default: str, *, firing: bool
) -> dict[str, Any]:
    name = labels.get("alertname", "alert")
    sentence = notes.get("summary") or notes.get("description") or notes.get("message") or name
    dag = labels.get("dag_id") or labels.get("dag") or ""
    return {
        "kind": "external", "state": "firing" if firing else "resolved", "source": "alertmanager",
        "deployment": next((labels[one] for one in _DEPLOYMENT if labels.get(one)), default),
        "occurred_at": alert.get("startsAt" if firing else "endsAt"), "name": _name(name, labels, alert),
        "sentence": sentence if firing else f"{sentence}: resolved", "dag_id": dag,
        "severity": _SEVERITIES.get(labels.get("severity", "").lower(), "error"), "runbook": notes.get("runbook", ""),
        "log_url": str(alert.get("generatorURL") or ""), "tags": [labels["team"]] if labels.get("team") else [],
        "extra": {"labels": dict(labels), "annotations": dict(notes), "fingerprint": str(alert.get("fingerprint", ""))},
    }  # fmt: skip


def _name(name: str, labels: Mapping[str, str], alert: Mapping[str, Any]) -> str:
    """`SchedulerDead{instance=a}`: the alert's name and the labels that distinguish it from others of that name."""
    telling = ", ".join(f"{key}={labels[key]}" for key in sorted(labels) if key not in _SCRAPED)
    whole = clean(f"{name}{{{telling}}}" if telling else name, 4_000).replace("\n", " ")
    if len(whole) <= IDENTIFIER_LIMIT:
        return whole
    return f"{whole[: IDENTIFIER_LIMIT - 40]}… {str(alert.get('fingerprint', ''))[:32]}"


def _texts(value: Any, where: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refusal(422, f"{where}: must be an object of strings")
    return {clean(key, 100): clean(text) for key, text in value.items()}
