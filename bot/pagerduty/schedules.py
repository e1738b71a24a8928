"""Reads from PagerDuty's REST API who is on call.

At most 500 rows are read, and equal rows count once. Reading pages no one; the token is sent to the configured address
only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from bot.core.errors import Permanent, Temporary
from bot.core.json_text import read_json
from bot.pagerduty.events import TIMEOUT, raise_for
from bot.responder.questions import OnCall

PAGE, MOST_PAGES = 100, 5
ACCEPT = "application/vnd.pagerduty+json;version=2"


class Schedules:
    """One PagerDuty account. Raises Temporary if it does not answer, Permanent if it refuses."""

    def __init__(self, api_token: str, api_url: str) -> None:
        self._url = f"{api_url.rstrip('/')}/oncalls"
        self._headers = {"Authorization": f"Token token={api_token}", "Accept": ACCEPT}

    def on_call(self) -> list[OnCall]:
        """Everyone who is on call now, by policy and escalation level."""
        found: dict[OnCall, None] = {}
        with httpx.Client(timeout=TIMEOUT, headers=self._headers) as client:
            for page in range(MOST_PAGES):
                body = self._page(client, page * PAGE)
                found |= dict.fromkeys(_row(row) for row in body["oncalls"])
                if not body.get("more"):
                    break
        return sorted(found, key=lambda one: (one.policy, one.level, one.schedule, one.person))

    def _page(self, client: httpx.Client, offset: int) -> Mapping[str, Any]:
        asked: dict[str, str | int] = {"include[]": "users", "earliest": "true", "limit": PAGE, "offset": offset}
        try:
            answer = client.get(self._url, params=asked)
        except httpx.InvalidURL as error:
            raise Permanent(f"PagerDuty's URL is not valid: {error}", "address") from error
        except httpx.RequestError as error:
            raise Temporary(f"PagerDuty does not answer: {error}") from error
        if answer.status_code in {401, 403}:
            raise Permanent("PagerDuty refused WINDSOCK_PAGERDUTY__API_TOKEN", str(answer.status_code))
        raise_for(answer)
        try:
            body = read_json(answer.content)
        except ValueError as error:
            raise Temporary("PagerDuty's answer is not JSON") from error
        if not isinstance(body, Mapping) or not isinstance(body.get("oncalls"), list):
            raise Permanent("PagerDuty's answer holds no list of oncalls", "answer")
        return body


def _row(row: Mapping[str, Any]) -> OnCall:
    user, policy = row.get("user") or {}, row.get("escalation_policy") or {}
    schedule, end = row.get("schedule") or {}, row.get("end")
    name = str(user.get("name") or user.get("summary") or "somebody")
    return OnCall(int(row.get("escalation_level") or 1), name, str(policy.get("summary") or ""),
                  str(schedule.get("summary") or ""), _moment(end))  # fmt: skip


def _moment(said: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(said)) if said else None
    except ValueError:
        return None
