"""Socket Mode: up to ten web sockets; a payload goes to any one of them and its ack comes back the same way.

In a refresh, one connection after the other is asked to reconnect, and a new one gets no payloads until its client has
closed the old one; meanwhile payloads go to the others, so an app with two connections loses nothing. A payload is sent
once; if its socket fails, the person sees the timeout, as in Slack.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import uuid
from functools import partial
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.sandbox.slack.delivery.delivery import Undelivered
from bot.sandbox.slack.state import seed
from bot.sandbox.slack.state.workspace import Workspace

WARNING = 10.0
SETTLES = 0.5
GONE = (WebSocketDisconnect, RuntimeError, OSError)


class SocketMode:
    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.sockets: list[WebSocket] = []
        self.refreshing = False
        self.aside: set[WebSocket] = set()
        self.acks: dict[str, asyncio.Future[Any]] = {}
        self.turn = itertools.count()

    async def serve(self, socket: WebSocket) -> None:
        """Serves one connection from start to end."""
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self.workspace.tickets or self.workspace.faults.strike("socket", "down", "drop_sockets"):
            await socket.close(4401)
            return
        self.workspace.tickets.discard(ticket)
        await socket.accept()
        if len(self.sockets) >= self.workspace.config.limits.sockets:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return
        self.sockets.append(socket)
        if self.refreshing:
            self.aside.add(socket)
        try:
            await socket.send_json(self._hello())
            self.workspace.live.tell("sockets", open=len(self.sockets))
            await self._listen(socket)
        except GONE:
            pass
        finally:
            self._forget(socket)

    async def deliver(self, kind: str, payload: dict[str, Any], retry: dict[str, Any]) -> Any:
        envelope_id = str(uuid.uuid4())
        envelope = {"envelope_id": envelope_id, "type": kind, "payload": payload, **retry}
        envelope["accepts_response_payload"] = kind != "events_api"
        ack: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.acks[envelope_id] = ack
        try:
            await self._send(envelope)
            return await ack
        finally:
            self.acks.pop(envelope_id, None)

    async def close(self) -> None:
        await self.drop()

    async def drop(self) -> None:
        """Closes every socket without a disconnect message."""
        for socket in self.sockets[:]:
            self._forget(socket)
            with contextlib.suppress(*GONE):
                await socket.close(1011)

    async def refresh(self) -> None:
        """Asks every connection in turn to reconnect, as Slack does every few hours: first a warning, and if it is
        still open after ten seconds, it is closed."""
        self.refreshing = True
        for socket in self.sockets[:]:
            self.aside.add(socket)
            await self._ask_to_leave(socket, "warning")
            if not await self.workspace.live.until(partial(self._gone, socket), WARNING):
                await self._ask_to_leave(socket, "refresh_requested")
                await socket.close()
            await asyncio.sleep(SETTLES)
            self.aside.clear()
        self.refreshing = False

    async def _ask_to_leave(self, socket: WebSocket, reason: str) -> None:
        with contextlib.suppress(*GONE):
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}})

    def _gone(self, socket: WebSocket) -> bool:
        return socket not in self.sockets

    async def _send(self, envelope: dict[str, Any]) -> None:
        while self.sockets:
            staying = [socket for socket in self.sockets if socket not in self.aside] or self.sockets
            socket = staying[next(self.turn) % len(staying)]
            try:
                await socket.send_json(envelope)
                return
            except GONE:
                self._forget(socket)
        raise Undelivered("dispatch_failed")

    async def _listen(self, socket: WebSocket) -> None:
        while True:
            try:
                said = json.loads(await socket.receive_text())
            except (ValueError, KeyError):
                continue
            ack = self.acks.get(said.get("envelope_id", "")) if isinstance(said, dict) else None
            if ack and not ack.done():
                ack.set_result(said.get("payload"))

    def _forget(self, socket: WebSocket) -> None:
        self.aside.discard(socket)
        if socket in self.sockets:
            self.sockets.remove(socket)
            self.workspace.live.tell("sockets", open=len(self.sockets))

    def _hello(self) -> dict[str, Any]:
        debug = {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060}
        return {
            "type": "hello",
            "num_connections": len(self.sockets),
            "connection_info": {"app_id": seed.APP_ID},
            "debug_info": debug,
        }
