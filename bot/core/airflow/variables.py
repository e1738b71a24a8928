"""Params, variables and connections, as far as the bot may read them.

A variable may be a password, and Airflow 2 returns it in clear text. So a value goes only to the person who asked,
masked, and is never logged. A connection's password and extra aren't read at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Param:
    """One param of a DAG: its default `value`, and the JSON Schema that Airflow checks a conf against."""

    name: str
    value: Any
    schema: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. `value` is what Airflow returns: 3.x masks some (`***`), 2.x none. It is kept out of the repr, so
    that no log or traceback shows it by accident."""

    key: str
    value: str = field(repr=False)
    description: str = ""
    is_encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection without its secrets. `port` is None if none is set."""

    id: str
    conn_type: str
    host: str = ""
    port: int | None = None
    login: str = ""
    schema: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionTest:
    """The result of a connection test. `ok` is None if Airflow does not test; `message` then says how to enable it."""

    ok: bool | None
    message: str


class Configured(Protocol):
    """The methods for variables and connections. Errors are those of `Airflow`."""

    def variable(self, key: str) -> Variable | None: ...

    def variables(self, pattern: str = "", limit: int = 50) -> list[str]:
        """The keys that contain `pattern` (ignoring case), sorted; at most `limit` of them."""

    def set_variable(self, key: str, value: str, description: str = "") -> Variable:
        """Creates or changes it, and returns it as read back. An empty description keeps the existing one."""

    def connection(self, conn_id: str) -> Connection | None: ...

    def connections(self, limit: int = 100) -> list[Connection]:
        """The connections, sorted by id."""

    def test_connection(self, conn_id: str) -> ConnectionTest:
        """Has Airflow's API server connect. Raises `Permanent` if there is no such connection."""
