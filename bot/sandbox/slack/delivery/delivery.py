"""Delivers a payload to the app, over Socket Mode or signed HTTP, and waits three seconds for its ack.

An event that is not acked is sent up to three times more (at once, after a minute, after five), so the app receives it
twice. Commands and presses are never repeated: the person sees that it failed. Every delivery is in the log with its
outcome.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, Protocol

from bot.sandbox.slack.delivery import payloads
from bot.sandbox.slack.state.workspace import Workspace

RETRY_AFTER = (0.0, 60.0, 300.0)


class Undelivered(Exception):
    """The payload was not acked. `code` is what Slack shows to the person: operation_timeout, dispatch_failed,
    http_service_error."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Link(Protocol):
    """The connection to the app."""

    async def deliver(self, kind: str, payload: dict[str, Any], retry: dict[str, Any]) -> Any:
        """Returns the ack's body (None if it has none). Raises Undelivered if there was no ack in time.

        `retry` is empty or has retry_attempt and retry_reason.
        """
        ...

    async def close(self) -> None: ...


class Delivery:
    def __init__(self, workspace: Workspace, link: Link) -> None:
        self.workspace = workspace
        self.link = link
        self.tasks: set[asyncio.Task[None]] = set()

    async def ask(self, kind: str, payload: dict[str, Any], retry: dict[str, Any] | None = None) -> Any:
        """Delivers and returns the ack's body. Raises Undelivered after three seconds or if the app is not
        connected."""
        began = time.monotonic()
        outcome = "acked"
        try:
            async with asyncio.timeout(self.workspace.config.limits.ack):
                return await self.link.deliver(kind, payload, retry or {})
        except TimeoutError:
            outcome = "operation_timeout"
            raise Undelivered(outcome) from None
        except Undelivered as failure:
            outcome = failure.code
            raise
        finally:
            self._note(kind, payload, outcome, began)

    def event(self, event: dict[str, Any]) -> None:
        """Sends an event to the app in the background, with Slack's repetitions."""
        task = asyncio.get_running_loop().create_task(self._insist(payloads.event(self.workspace, event)))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _insist(self, payload: dict[str, Any]) -> None:
        retry: dict[str, Any] = {}
        for attempt, pause in enumerate((*RETRY_AFTER, None)):
            try:
                await self.ask("events_api", payload, retry)
                return
            except Undelivered as failure:
                reason = "http_timeout" if failure.code == "operation_timeout" else "http_error"
                retry = {"retry_attempt": attempt + 1, "retry_reason": reason}
            if pause is not None:
                await asyncio.sleep(pause)

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await self.link.close()

    def _note(self, kind: str, payload: dict[str, Any], outcome: str, began: float) -> None:
        what = payload.get("command") or payload.get("type", "")
        self.workspace.note(
            at=datetime.now(UTC).isoformat(),
            kind="delivery",
            method=kind,
            arguments={"what": what, "text": str(payload.get("text", ""))[:200]},
            ok=outcome == "acked",
            error=None if outcome == "acked" else outcome,
            ms=round((time.monotonic() - began) * 1000, 1),
        )
