"""HTTP to Airflow 3.x: the generated client in raw mode, with bodies reduced to the fields that the server knows.

An older 3.x answers 422 to an unknown body field, without doing anything. A field that a 422 reported as unknown is
left out from then on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from bot.airflow import errors
from bot.airflow.airflow3.client import Question, RawClient
from bot.airflow.calls import Calls, Login, Reply
from bot.core.errors import Permanent

# Fields that some 3.x servers don't know, and the minor version that added them.
SINCE = {("ClearTaskInstancesBody", "note"): 3}
NO_BODY: tuple[str, Mapping[str, Any]] = ("", {})


class ThreeCalls:
    """Requests to one 3.x server; the base of the protocol's implementation."""

    major = 3

    def __init__(self, name: str, version: str, calls: Calls, login: Login, client: RawClient) -> None:
        self.name, self.version = name, version
        self._calls, self._login, self._client = calls, login, client
        self._unknown = {key for key, since in SINCE.items() if self._minor < since}

    @property
    def _minor(self) -> int:
        parts = self.version.split(".")
        return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0

    def _get(self, what: str, api: str, verb: str, allow: Collection[int] = (), **arguments: Any) -> Any:
        question = Question(api, verb, arguments)
        return self._calls.ask(what, lambda *how: self._client.ask(question, *how), self._login, allow=allow)

    def _send(self, what: str, question: Question, allow: Collection[int]) -> Reply:
        return self._calls.send(what, lambda *how: self._client.ask(question, *how), self._login, allow=allow)

    def _write(
        self,
        what: str,
        api: str,
        verb: str,
        body: tuple[str, Mapping[str, Any]] = NO_BODY,
        *,
        allow: Collection[int] = (),
        reads_only: bool = False,
        **arguments: Any,
    ) -> Any:
        """Sends a change (or its dry run). If the server doesn't know some fields, sends it again without them."""
        model, fields = body
        known = {key: value for key, value in fields.items() if (model, key) not in self._unknown}
        question = Question(api, verb, arguments, body=(model, known) if model else None)

        def ask(*how: Any) -> Reply:
            reply = self._client.ask(question, *how)
            unknown = errors.unknown_fields(reply.body) & set(known) if reply.status == 422 else set()
            self._unknown |= {(model, field) for field in unknown}
            return reply

        try:
            return self._calls.ask(what, ask, self._login, write=not reads_only, allow=allow)
        except Permanent:
            if all((model, field) not in self._unknown for field in known):
                raise
            return self._write(what, api, verb, body, allow=allow, reads_only=reads_only, **arguments)
