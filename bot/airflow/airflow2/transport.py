"""HTTP to Airflow 2.x: JSON below `/api/v1`. Names in the path are quoted, since run ids contain `+`, `:` and `/`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from bot.airflow.calls import Ask, Calls, Limits, Login, Reply, drain
from bot.airflow.variables import in_path
from bot.core.airflow.protocol import TaskRef


class TwoCalls:
    """Requests to one 2.x server; the base of the protocol's implementation."""

    major = 2

    def __init__(self, name: str, version: str, calls: Calls, login: Login, client: httpx.Client, url: str) -> None:
        self.name, self.version = name, version
        self._calls, self._login, self._client = calls, login, client
        self._base = f"{url}/api/v1"

    def _get(self, what: str, path: str, query: Mapping[str, Any] | None = None, allow: Collection[int] = ()) -> Any:
        return self._calls.ask(what, self._asker("GET", path, query=query), self._login, allow=allow)

    def _post(
        self,
        what: str,
        path: str,
        body: Mapping[str, Any],
        *,
        reads_only: bool = False,
        allow: Collection[int] = (),
    ) -> Any:
        ask = self._asker("POST", path, body=body)
        return self._calls.ask(what, ask, self._login, write=not reads_only, allow=allow)

    def _patch(self, what: str, path: str, body: Mapping[str, Any]) -> Any:
        return self._calls.ask(what, self._asker("PATCH", path, body=body), self._login, write=True)

    def _asker(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        extra: Mapping[str, str] | None = None,
        tail: bool = False,
    ) -> Ask:
        def ask(limits: Limits, headers: dict[str, str]) -> Reply:
            timeout = httpx.Timeout(limits.read, connect=limits.connect, pool=limits.connect)
            url, every = self._base + path, {**headers, **(extra or {})}
            with self._client.stream(method, url, params=query, json=body, headers=every, timeout=timeout) as answer:
                text = drain(answer.iter_bytes(), limits, tail=tail)
                return Reply(answer.status_code, {key.lower(): value for key, value in answer.headers.items()}, text)

        return ask


def quoted(text: str) -> str:
    """Quotes a name as one path segment."""
    return quote(in_path(text), safe="")


def run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{quoted(dag_id)}/dagRuns/{quoted(run_id)}"


def task_path(ref: TaskRef) -> str:
    path = f"{run_path(ref.dag_id, ref.run_id)}/taskInstances/{quoted(ref.task_id)}"
    return path if ref.map_index < 0 else f"{path}/{ref.map_index}"
