"""PagerDuty's webhooks v3: signed, in order, and repeated if they were not accepted.

If the bot is unavailable for a moment, the webhook is sent again with the same event id, so the bot may receive it
twice. Each incident's webhooks arrive in the order in which they happened.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import httpx

from bot.sandbox.pagerduty.account import Incident, signature, webhook

TRIES = 3
TIMEOUT = 5.0
Note = Callable[[str, str, int | None, str], None]


class Webhooks:
    """`note` writes one line of the log: method, address, status or None, body."""

    def __init__(self, base: str, url: str | None, secret: str, note: Note) -> None:
        self.base, self.url, self.secret, self.note = base, url, secret, note
        self.owed: asyncio.Queue[bytes] = asyncio.Queue()
        self.worker: asyncio.Task[None] | None = None

    def owe(self, incident: Incident, word: str, agent: dict[str, Any] | None) -> None:
        """Queues a report of a change; `agent` is the person, None for an integration. Does nothing without an
        address."""
        if self.url:
            self.owed.put_nowait(webhook(incident, word, self.base, agent))
            self.worker = self.worker or asyncio.get_running_loop().create_task(self._pay())

    async def _pay(self) -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
            while True:
                body = await self.owed.get()
                for attempt in range(TRIES):
                    if await self._sent(client, body):
                        break
                    await asyncio.sleep(attempt + 1)

    async def _sent(self, client: httpx.AsyncClient, body: bytes) -> bool:
        """Whether the webhook need not be sent again: it was accepted, or refused permanently."""
        headers = {
            "Content-Type": "application/json",
            "X-PagerDuty-Signature": signature(self.secret, body),
            "X-Webhook-Id": str(uuid.uuid4()),
        }
        url = str(self.url)
        try:
            status: int | None = (await client.post(url, content=body, headers=headers)).status_code
        except httpx.HTTPError:
            status = None
        self.note("WEBHOOK", url, status, body.decode())
        return status is not None and status != 429 and status < 500
