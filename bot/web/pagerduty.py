"""POST /v1/pagerduty: applies people's actions in PagerDuty to the incident.

PagerDuty reports the bot's own acknowledgement back, without an agent; it is ignored. It redelivers an event for hours,
so an event counts once, and only if it isn't older than what it would change. A request is trusted only by its
signature. An event that changes nothing is also answered 2xx, or PagerDuty would disable the subscription.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from bot.core.access import Person
from bot.core.signals.wire import clean
from bot.responder.incidents.presses import Elsewhere, paged_under, pressed_elsewhere
from bot.responder.services import Services
from bot.web.http import Edge, Refusal, answer, edge_of
from bot.web.signals import body_of, decoded

VERBS = {
    "incident.acknowledged": "acknowledge", "incident.unacknowledged": "unacknowledge", "incident.resolved": "resolve",
    "incident.reopened": "reopen",
}  # fmt: skip


async def post_pagerduty(request: Request) -> Response:
    """Accepts one webhook of version 3."""
    edge, body = edge_of(request), await body_of(request)
    verify(edge, body, request.headers.get("x-pagerduty-signature", ""))
    value = decoded(body)
    event = value.get("event") if isinstance(value, dict) else None
    if not isinstance(event, dict):
        raise Refusal(400, "event: must be an object")
    done = await run_in_threadpool(_carry_over, edge.services, event)
    return answer({"done": done}, 202)


def verify(edge: Edge, body: bytes, given: str) -> None:
    """Raises Refusal unless one of the signatures was made with the configured secret."""
    if not edge.pagerduty_secret:
        raise Refusal(404, "PagerDuty's webhooks are not configured; set WINDSOCK_PAGERDUTY__WEBHOOK_SECRET")
    right = "v1=" + hmac.new(edge.pagerduty_secret.encode(), body, hashlib.sha256).hexdigest()
    if not any(hmac.compare_digest(one.strip().encode(), right.encode()) for one in given.split(",")):
        raise Refusal(401, "X-PagerDuty-Signature: is missing or wrong")


def _carry_over(services: Services, event: dict[str, Any]) -> bool:
    verb, data, agent = VERBS.get(str(event.get("event_type"))), event.get("data"), event.get("agent")
    if verb is None or not isinstance(data, dict) or not isinstance(agent, dict):
        return False
    key = data.get("incident_key")
    incident_id = paged_under(services, key) if isinstance(key, str) and key else None
    if incident_id is None:
        return False
    name = clean(agent.get("summary") or agent.get("name") or "Somebody", 80)
    person = Person("pagerduty:" + clean(agent.get("id") or name, 40), name.split(" ", 1)[0])
    done = str(event["event_type"]).rpartition(".")[2]
    source = Elsewhere(
        ("pagerduty", *(str(one) for one in (event.get("id"), event["event_type"], key))),
        _moment(event.get("occurred_at"), services.clock()),
    )
    return pressed_elsewhere(services, person, verb, incident_id, f"{person.name} {done} it in PagerDuty", source)


def _moment(given: object, now: datetime) -> datetime:
    """When the event occurred: now if PagerDuty doesn't say, and the distant past if the time can't be parsed."""
    if given is None:
        return now
    try:
        return min(now, datetime.fromisoformat(str(given)).astimezone(UTC))
    except (ValueError, OverflowError):
        return datetime.min.replace(tzinfo=UTC)
