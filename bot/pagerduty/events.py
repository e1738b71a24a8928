"""Sends trigger, acknowledge and resolve events to PagerDuty, under one dedup key per incident.

PagerDuty accepts an event with 202 and drops it silently if the key isn't open. The key is derived from the incident's
number and never changes, so sending an event twice changes nothing. `page_word` decides what to send at the moment of
delivery, not when the page became due.
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
    """Shows incidents in one PagerDuty service. `source` is the payload's source for incidents without a deployment."""

    def __init__(self, routing_key: str, events_url: str, source: str) -> None:
        self._routing_key, self._events_url, self._source = routing_key, events_url, source
        self._client = httpx.Client(timeout=TIMEOUT)

    def __call__(self, alert: Alert, seen: View) -> Shown:
        """Sends the event that PagerDuty needs now, if any."""
        word, key = page_word(alert, seen.incident), alert.ref or _key(alert, seen)
        if word is None:
            return Shown(ref=alert.ref, said=alert.said)
        if word == "again":  # another trigger doesn't page again for an incident that is open or acknowledged there
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
            # a repeated event changes nothing, so after a lost answer it is sent again
            raise Temporary(f"PagerDuty does not answer: {error}") from error
        raise_for(response)

    def close(self) -> None:
        self._client.close()


def _key(alert: Alert, seen: View) -> str:
    """The dedup key, made of values that never change, because a first event whose answer was lost is sent again.
    (`opened_at` changes if an older failure is reported late. The time distinguishes a new store's A-1 from an old
    one's.)"""
    moment = alert.owed_at or seen.incident.opened_at
    return f"windsock-{seen.incident.name}-{moment:%Y%m%dT%H%M%S}-{seen.incident.deployment}"[:KEY_LIMIT]


def raise_for(response: httpx.Response) -> None:
    """Maps PagerDuty's answers to errors: Temporary for 429 and 5xx, Permanent for other failures."""
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
