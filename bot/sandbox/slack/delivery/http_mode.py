"""HTTP mode: the same payloads as signed POSTs to the bot's /slack/events.

One address gets three formats: a form for commands, `payload=` for presses, JSON for events. Each request is signed
over its raw body with a fresh timestamp, exactly like Slack's.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

import httpx

from bot.sandbox.slack.delivery.delivery import Undelivered
from bot.sandbox.slack.rules.config import Config

FORM = "application/x-www-form-urlencoded"


def signed(secret: str, body: bytes, timestamp: int) -> dict[str, str]:
    """The two headers with which Slack proves that a request is its own."""
    base = b"v0:%d:%s" % (timestamp, body)
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(timestamp), "X-Slack-Signature": f"v0={digest}"}


class HttpMode:
    def __init__(self, config: Config) -> None:
        self.url = config.http_url or ""
        self.secret = config.signing_secret
        self.client = httpx.AsyncClient(timeout=config.limits.ack, trust_env=False)

    async def deliver(self, kind: str, payload: dict[str, Any], retry: dict[str, Any]) -> Any:
        body, content_type = _encoded(kind, payload)
        headers = {"Content-Type": content_type, **signed(self.secret, body, int(time.time()))}
        if retry:
            headers["X-Slack-Retry-Num"] = str(retry["retry_attempt"])
            headers["X-Slack-Retry-Reason"] = retry["retry_reason"]
        try:
            response = await self.client.post(self.url, content=body, headers=headers)
        except httpx.TimeoutException:
            raise Undelivered("operation_timeout") from None
        except httpx.HTTPError:
            raise Undelivered("dispatch_failed") from None
        if not response.is_success:
            raise Undelivered("http_service_error")
        return _ack(response)

    async def close(self) -> None:
        await self.client.aclose()

    async def verify(self) -> bool:
        """Slack's first request to a new address: whether it returns the challenge."""
        challenge = {"type": "url_verification", "token": "sandbox", "challenge": "windsock"}
        try:
            answer = await self.deliver("events_api", challenge, {})
        except Undelivered:
            return False
        return bool(answer in ({"challenge": "windsock"}, {"text": "windsock"}))


def _encoded(kind: str, payload: dict[str, Any]) -> tuple[bytes, str]:
    if kind == "events_api":
        return json.dumps(payload).encode(), "application/json"
    form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
    return urlencode(form).encode(), FORM


def _ack(response: httpx.Response) -> Any:
    if not response.content.strip():
        return None
    try:
        return response.json()
    except ValueError:
        return {"text": response.text}
