"""Variables and connections on both majors: names, what is sent to a test, and what its answer means.

Tests may be disabled (the default; a 403 like that of a missing permission). Airflow 2 and 3.0 test what they are sent
and not what they have stored, so a connection is tested without its password; an incomplete test never reports that a
connection is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.airflow import errors, paging, parsing
from bot.airflow.calls import Reply
from bot.core.airflow.variables import Connection, ConnectionTest, Variable
from bot.core.errors import Permanent, Temporary
from bot.core.json_text import read_json

NOT_WHOLE = "It was tested without the password and extra, which Airflow keeps, so that this proves nothing"


LONGEST_NAME = 1_000  # characters; Airflow's own limit is 250


def in_path(name: str) -> str:
    """Returns the name if it can be used in a path. Raises Permanent if not: an empty name would request the whole
    list, dots another address."""
    if not name.strip():
        raise Permanent("it has no name", "400")
    if name in {".", ".."} or "\0" in name or len(name) > LONGEST_NAME:
        raise Permanent(f"{name[:60]!r} can be no name of Airflow's", "400")
    return name


def keys(page: Callable[[int, int], Any], pattern: str, limit: int) -> list[str]:
    """The keys that contain `pattern`, sorted: the server treats `_` as any character, or has no search."""
    found = paging.collect(page, "variables", lambda row: parsing.variable(row).key)
    return sorted(key for key in found if pattern.casefold() in key.casefold())[:limit]


def read_back(name: str, key: str, found: Variable | None) -> Variable:
    if found is None:
        raise Temporary(f"Airflow ({name}) took the variable `{key}`, but does not show it", acted=None)
    return found


def test_body(name: str, conn_id: str, found: Connection | None) -> dict[str, Any]:
    """The request body of a connection test: all known fields without secrets. Empty fields are left out, because they
    would overwrite stored ones."""
    if found is None:
        raise Permanent(f"Airflow ({name}) has no connection `{conn_id}`", "404")
    fields = {"host": found.host, "port": found.port, "login": found.login, "schema": found.schema}
    return {
        "connection_id": found.id,
        "conn_type": found.conn_type,
        **{field: value for field, value in fields.items() if value not in (None, "")},
    }


def tested(name: str, what: str, reply: Reply, *, server: str, is_whole: bool) -> ConnectionTest:
    """Interprets the answer to a test. `server` is the part of Airflow that connects; `is_whole` is False without
    secrets."""
    if reply.status == 403:
        if b"disabled" not in reply.body.lower():
            raise errors.of_reply(name, what, reply.status, reply.headers, reply.body, write=True)
        return ConnectionTest(
            None,
            f"Airflow ({name}) does not test connections: set `[core] test_connection = Enabled` on its {server} "
            "and start that again",
        )
    try:
        said = read_json(reply.body)
    except ValueError:
        raise errors.garbled(name, write=True) from None
    return _judged(said if isinstance(said, dict) else {}, is_whole=is_whole)


def _judged(said: dict[str, Any], *, is_whole: bool) -> ConnectionTest:
    message, is_ok = str(said.get("message") or "no reason given"), bool(said.get("status"))
    if is_ok or is_whole:
        return ConnectionTest(is_ok, message)
    return ConnectionTest(None, f"{message.rstrip('.')}. {NOT_WHOLE}.")
