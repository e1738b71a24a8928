"""The door: uvicorn's protocol, that hands plain signals straight to the one writer and everything else to the site.

Hard case: a storm. What a server does for any request (a task, a scope, messages to and fro) costs several times what a
commit does, so what comes by the thousand is answered here. Rule: only what is right in every way is taken here; whatever is
odd (chunked, pipelined, HTTP/1.0, a wrong token, a body that is not plain) is given to the site as it came.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from bot.web.edge import Edge, Refusal, is_bearer, refusal
from bot.web.plain import LIMIT, plain
from bot.web.replies import Result
from bot.web.signals import hand_over, receipt_of

_URL = b"/v1/signals"
_LENGTH, _TOKEN = b"content-length", b"authorization"
_ODD = frozenset((b"transfer-encoding", b"upgrade", b"expect"))
_CONNECTION, _AS_EVER = b"connection", b"keep-alive"


class _Asked(RequestResponseCycle):
    """Stands where uvicorn looks for the request that is being answered: pipelined ones wait behind it, a shutdown waits for
    it, and its connection is kept as long."""

    message_event = asyncio.Event()  # nobody waits for more of it
    disconnected = False

    def __init__(self) -> None:
        self.body = bytearray()
        self.keep_alive = True
        self.response_complete = False


class Door(HttpToolsProtocol):
    """One connection. `config.app` is the site, which knows the edge."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, server_state, app_state, _loop)
        site: Any = config.app
        self._edge: Edge = site.state.edge
        self._asked: _Asked | None = None  # while its body is coming in

    def on_message_begin(self) -> None:
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        if self.url == _URL and self._is_right():
            self._asked = self.cycle = _Asked()
        else:
            self._to_the_site()

    def on_body(self, body: bytes) -> None:
        if self._asked is None:
            super().on_body(body)
        else:
            self._asked.body += body

    def on_message_complete(self) -> None:
        asked, self._asked = self._asked, None
        if asked is None:
            super().on_message_complete()
            return
        body = bytes(asked.body)
        signal = plain(body)
        if signal is not None:
            hand_over(self._edge, (signal,), partial(self._answer, asked))
            return
        asked.response_complete = True  # by nobody: it stands for nothing any more
        self._to_the_site()
        self.cycle.keep_alive = self.cycle.keep_alive and asked.keep_alive
        super().on_body(body)
        super().on_message_complete()

    def _is_right(self) -> bool:
        """Whether these headers are of a plain request, from somebody who may send it, and nobody else waits here."""
        if self.cycle is not None and not self.cycle.response_complete:
            return False
        if self.parser.get_method() != b"POST" or self.parser.get_http_version() != "1.1" or self.flow.write_paused:
            return False
        length, tokens = b"", list[bytes]()
        for name, value in self.headers:
            if name in _ODD or (name == _CONNECTION and value.lower() != _AS_EVER):
                return False
            if name == _LENGTH:
                length = value
            elif name == _TOKEN:
                tokens.append(value)
        wanted = self._edge.token
        return 0 < len(length) < 6 and int(length) <= LIMIT and (  # the parser took only digits
            not wanted or (len(tokens) == 1 and is_bearer(tokens[0].decode("latin-1"), wanted)))  # fmt: skip

    def _to_the_site(self) -> None:
        """What the parser told so far is told once more, to uvicorn."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers  # the list that the scope has
        super().on_headers_complete()

    def _answer(self, asked: _Asked, result: Result) -> None:
        try:
            receipt = receipt_of(self._edge, result)
        except Refusal as error:
            refused = refusal(error)
            self._say(asked, refused.status_code, refused.raw_headers, bytes(refused.body))
            return
        body = b'{"accepted":%d,"duplicates":%d}' % (receipt.accepted, receipt.duplicates)
        self._say(asked, 202, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))], body)

    def _say(self, asked: _Asked, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        asked.response_complete = True
        if self.transport.is_closing():
            return  # whoever asked has gone; what is kept is kept
        said = [STATUS_LINE[status]]
        for name, value in (*self.server_state.default_headers, *headers):
            said += (name, b": ", value, b"\r\n")
        said += (b"" if asked.keep_alive else b"connection: close\r\n", b"\r\n", body)
        self.transport.write(b"".join(said))
        if not asked.keep_alive:
            self.transport.close()
        self.on_response_complete()
