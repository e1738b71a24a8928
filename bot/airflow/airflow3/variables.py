"""Variables and connections on Airflow 3.x.

A variable may exist already (409) or disappear between two calls. Values are never logged nor put into an error; a
connection is sent to its test without secrets, which the server adds itself from 3.1 on.
"""

from __future__ import annotations

from typing import Any

from bot.airflow import paging, parsing
from bot.airflow import variables as configured
from bot.airflow.airflow3.client import Question
from bot.airflow.airflow3.transport import ThreeCalls
from bot.core.airflow.variables import Connection, ConnectionTest, Variable

TESTS_WHAT_IS_STORED = 1  # from this minor version on, the server adds the stored password to a test


class ConfiguredThree(ThreeCalls):
    """The calls about variables and connections."""

    def variable(self, key: str) -> Variable | None:
        answer = self._get(
            "read variables", "VariableApi", "get_variable", allow={404}, variable_key=configured.in_path(key)
        )
        return None if answer is None else parsing.variable(answer)

    def variables(self, pattern: str = "", limit: int = 50) -> list[str]:
        def page(offset: int, size: int) -> Any:
            return self._get(
                "read variables", "VariableApi", "get_variables", variable_key_pattern=pattern or None,
                order_by=["key"], limit=size, offset=offset,
            )  # fmt: skip

        return configured.keys(page, pattern, limit)

    def set_variable(self, key: str, value: str, description: str = "") -> Variable:
        body = {"key": key, "value": value, **({"description": description} if description else {})}
        created = self._write("set variables", "VariableApi", "post_variable", ("VariableBody", body), allow={409})
        if created is None:
            self._write(
                "set variables", "VariableApi", "patch_variable", ("VariableBody", body),
                variable_key=key, update_mask=[name for name in body if name != "key"],
            )  # fmt: skip
        return configured.read_back(self.name, key, self.variable(key))

    def connection(self, conn_id: str) -> Connection | None:
        answer = self._get(
            "read connections", "ConnectionApi", "get_connection", allow={404},
            connection_id=configured.in_path(conn_id),
        )  # fmt: skip
        return None if answer is None else parsing.connection(answer)

    def connections(self, limit: int = 100) -> list[Connection]:
        def page(offset: int, size: int) -> Any:
            return self._get(
                "read connections", "ConnectionApi", "get_connections", order_by=["connection_id"],
                limit=size, offset=offset,
            )  # fmt: skip

        return paging.collect(page, "connections", parsing.connection, limit)

    def test_connection(self, conn_id: str) -> ConnectionTest:
        body = configured.test_body(self.name, conn_id, self.connection(conn_id))
        question = Question("ConnectionApi", "test_connection", {}, body=("ConnectionBody", body))
        what = "test connections"
        reply = self._calls.send(
            what, lambda *how: self._client.ask(question, *how), self._login, write=True, allow={403}
        )
        return configured.tested(
            self.name, what, reply, server="API server", is_whole=self._minor >= TESTS_WHAT_IS_STORED
        )
