"""The rules of PagerDuty's Events API v2 (`POST /v2/enqueue`), with a sentence for each fault.

The published schema accepts a summary of 1,025 characters and an acknowledge without a key; PagerDuty doesn't. A fault
is a sentence in `errors`; nothing is cut silently.
"""

from __future__ import annotations

from typing import Any

ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
BODY_BYTES = 512 * 1024
FIELDS = {"routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"}
PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}


def faults(event: Any) -> list[str]:
    """What is wrong with an event; empty if PagerDuty would accept it."""
    if not isinstance(event, dict):
        return ["the event must be a JSON object"]
    found = [f"'{name}' is not a field of an event" for name in sorted(set(event) - FIELDS)]
    key = event.get("routing_key")
    if not isinstance(key, str) or len(key) != 32:
        found.append("Length of 'routing_key' is incorrect (should be 32 characters)")
    if event.get("event_action") not in ACTIONS:
        found.append(f"'event_action' must be one of {', '.join(ACTIONS)}")
    found += _key_faults(event)
    if event.get("event_action") == "trigger" or "payload" in event:
        found += _payload_faults(event.get("payload"))
    return found + _link_faults(event)


def _key_faults(event: dict[str, Any]) -> list[str]:
    key = event.get("dedup_key")
    if key is None:
        return [] if event.get("event_action") == "trigger" else ["'dedup_key' is missing or blank"]
    if not isinstance(key, str) or not key:
        return ["'dedup_key' is missing or blank"]
    return ["Length of 'dedup_key' is incorrect (at most 255 characters)"] if len(key) > 255 else []


def _payload_faults(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or blank"]
    found = [f"'payload.{name}' is not a field of a payload" for name in sorted(set(payload) - PAYLOAD)]
    found += [
        f"'payload.{name}' is missing or blank"
        for name in ("summary", "source")
        if not isinstance(payload.get(name), str) or not payload[name]
    ]
    if len(str(payload.get("summary", ""))) > 1024:
        found.append("Length of 'payload.summary' is incorrect (at most 1024 characters)")
    if payload.get("severity") not in SEVERITIES:
        found.append(f"'payload.severity' must be one of {', '.join(SEVERITIES)}")
    if not isinstance(payload.get("custom_details", {}), dict | str):
        found.append("'payload.custom_details' must be an object")
    return found


def _link_faults(event: dict[str, Any]) -> list[str]:
    found = []
    for name, field in (("links", "href"), ("images", "src")):
        rows = event.get(name, [])
        if not isinstance(rows, list) or not all(isinstance(r, dict) and r.get(field) for r in rows):
            found.append(f"'{name}' must be a list of objects with '{field}'")
    return found
