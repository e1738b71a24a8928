"""Variables and connections on Airflow 2.x.

POST overwrites a variable together with its description, a list can't be searched, and values are returned unmasked,
whatever their key; they are never logged nor put into an error.
"""

from __future__ import annotations

from typing import Any

from bot.airflow import paging, parsing
from bot.airflow import variables as configured
from bot.airflow.airflow2.transport import TwoCalls, quoted
from bot.core.airflow.variables import Connection, ConnectionTest, Variable


class ConfiguredTwo(TwoCalls):
    """The calls about variables and connections."""

    def variable(self, key: str) -> Variable | None:
        answer = self._get("read variables", f"/variables/{quoted(configured.in_path(key))}", allow={404})
        return None if answer is None else parsing.variable(answer)

    def variables(self, pattern: str = "", limit: int = 50) -> list[str]:
        def page(offset: int, size: int) -> Any:
            return self._get("read variables", "/variables", {"order_by": "key", "limit": size, "offset": offset})

        return configured.keys(page, pattern, limit)

    def set_variable(self, key: str, value: str, description: str = "") -> Variable:
        body = {"key": key, "value": value, **({"description": description} if description else {})}
        if self.variable(key) is None:
            self._post("set variables", "/variables", body)
        else:  # a POST would also work, but it drops the description
            self._patch("set variables", f"/variables/{quoted(key)}", body)
        return configured.read_back(self.name, key, self.variable(key))

    def connection(self, conn_id: str) -> Connection | None:
        answer = self._get("read connections", f"/connections/{quoted(configured.in_path(conn_id))}", allow={404})
        return None if answer is None else parsing.connection(answer)

    def connections(self, limit: int = 100) -> list[Connection]:
        def page(offset: int, size: int) -> Any:
            query = {"order_by": "connection_id", "limit": size, "offset": offset}
            return self._get("read connections", "/connections", query)

        return paging.collect(page, "connections", parsing.connection, limit)

    def test_connection(self, conn_id: str) -> ConnectionTest:
        body = configured.test_body(self.name, conn_id, self.connection(conn_id))
        what, ask = "test connections", self._asker("POST", "/connections/test", body=body)
        reply = self._calls.send(what, ask, self._login, write=True, allow={403})
        return configured.tested(self.name, what, reply, server="webserver", is_whole=False)
