"""Keeps PagerDuty in step: trigger, acknowledge and resolve under one dedup key per incident.

PagerDuty accepts an event with 202 and drops it silently when the key isn't open. The key is made of the incident's
number and stays the same for its whole life, so sending an event twice changes nothing. What to send is decided by
`page_word` at the moment of delivery, not when the page came due.
"""

from __future__ import annotations

import re
from typing import Any

import httpx

from bot.core.errors import Permanent, Temporary
from bot.core.incidents.alert import Alert, page_word
from bot.core.incidents.cause import phrase
from bot.core.incidents.routing import Severity
from bot.core.incidents.view import View
from bot.core.redaction import redact
from bot.responder.alerts.delivery import Shown

SUMMARY_LIMIT = 1024
KEY_LIMIT = 255
TIMEOUT = httpx.Timeout(10.0, connect=3.0)
_SEVERITY = {Severity.critical: "critical", Severity.error: "error", Severity.warning: "warning"}


class PagerDuty:
    """Shows incidents in one PagerDuty service. `source` names this Windsock in the dedup key."""

    def __init__(self, routing_key: str, events_url: str, source: str) -> None:
        self._routing_key, self._events_url, self._source = routing_key, events_url, source
        self._client = httpx.Client(timeout=TIMEOUT)

    def __call__(self, alert: Alert, seen: View) -> Shown:
        """Says what PagerDuty must hear now, if anything."""
        word, key = page_word(alert, seen.incident), alert.ref or _key(alert, seen)
        if word is None:
            return Shown(ref=alert.ref, said=alert.said)
        if word == "again":  # one that is acknowledged there, or open, pages no one by another trigger
            self._send({"routing_key": self._routing_key, "event_action": "resolve", "dedup_key": key})
            word = "trigger"
        event = {"routing_key": self._routing_key, "event_action": word, "dedup_key": key}
        if word == "trigger":
            event |= _payload(seen, self._source)
        self._send(event)
        return Shown(ref=key, said=word, paged=word == "trigger")

    def _send(self, event: dict[str, Any]) -> None:
        try:
            response = self._client.post(self._events_url, json=event)
        except httpx.InvalidURL as error:
            raise Permanent(f"PagerDuty's URL is not valid: {error}", "address") from error
        except httpx.RequestError as error:
            # sending it twice changes nothing, so after a lost answer it is simply sent again
            raise Temporary(f"PagerDuty does not answer: {error}") from error
        raise_for(response)

    def close(self) -> None:
        self._client.close()


def _key(alert: Alert, seen: View) -> str:
    """Of what never moves, since a first event whose answer was lost is sent again. (`opened_at` does: an older failure may
    be reported late. The moment distinguishes a new store's A-1 from an old one's.)"""
    moment = alert.owed_at or seen.incident.opened_at
    return f"windsock-{seen.incident.name}-{moment:%Y%m%dT%H%M%S}-{seen.incident.deployment}"[:KEY_LIMIT]


def raise_for(response: httpx.Response) -> None:
    """The one table of PagerDuty's answers: 429 and 5xx pass, other refusals do not."""
    if response.is_success:
        return
    said = f"PagerDuty answered {response.status_code}"
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
        after = response.headers.get("Retry-After", "")
        raise Temporary(said, float(after) if re.fullmatch(r"[0-9]{1,6}", after) else None)
    raise Permanent(f"{said}: {response.text[:200]}", str(response.status_code))


def _payload(seen: View, source: str) -> dict[str, Any]:
    incident, signal = seen.incident, seen.incident.exemplar
    why = phrase(signal, seen.runbook)
    what = signal.sentence or f"{signal.label} failed" + (f": {why}" if why else "")
    if seen.counts.things > 1:
        what = f"{seen.counts.failures} failures in {len(seen.counts.dags)} DAGs: {why or signal.label}"
    named = f" ({incident.name})"
    links = [
        {"href": url, "text": text}
        for url, text in ((seen.run_url, "Airflow run"), (seen.runbook_url, "Runbook"))
        if url
    ]
    return {
        "payload": {
            "summary": redact(what)[: SUMMARY_LIMIT - len(named)] + named, "source": incident.deployment or source,
            "severity": _SEVERITY[incident.severity], "component": redact(signal.dag_id or signal.check or "airflow"),
            "timestamp": incident.opened_at.isoformat(), "class": signal.kind,
            "custom_details": {"incident": incident.name, "failures": seen.counts.failures, "run": redact(signal.run_id),
                               "owner": signal.owner, "exception": signal.exception.type},
        },
        "links": links, "client": "Windsock",
    }  # fmt: skip
