"""The generated Airflow 3 client, in raw mode only, loaded off the request path.

Importing it takes more than a second, and its models reject answers of older servers, even after the server has acted.
So only the `…_without_preload_content` calls are used, each with its timeouts, and the answer is parsed here.
"""

from __future__ import annotations

import re
import threading
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from bot.airflow.calls import Limits, Reply, drain
from bot.airflow.variables import in_path
from bot.core.errors import Permanent

POOL_SIZE = 20


# Arguments of the generated client that become part of the path.
IN_PATH = frozenset(
    {"dag_id", "dag_run_id", "run_id", "task_id", "variable_key", "connection_id", "pool_name", "asset_id"}
)


@dataclass(frozen=True, slots=True)
class Question:
    """One call of the generated client: `TaskInstanceApi`, `get_task_instances`, its arguments by name.

    `body` is the model's name and exactly the fields to send; `tail` keeps only the end of a long answer.
    """

    api: str
    verb: str
    arguments: Mapping[str, Any]
    body: tuple[str, Mapping[str, Any]] | None = None
    tail: bool = False


def load() -> ModuleType:
    """Returns the client package. The first caller waits for the import; concurrent callers wait with it."""
    import airflow_client.client as package

    return package  # type: ignore[no-any-return, unused-ignore]


def load_in_background() -> threading.Thread:
    """Starts loading the client, so that the first person who presses a button doesn't wait for it."""
    thread = threading.Thread(target=load, name="airflow-client-import", daemon=True)
    thread.start()
    return thread


class RawClient:
    """The generated client for one server. Threads share its connection pool."""

    def __init__(self, name: str, url: str, verify: bool | str) -> None:
        self._name, self._url, self._verify = name, url, verify
        self._apis: dict[str, Any] = {}
        self._client: Any = None
        self._lock = threading.Lock()

    def ask(self, question: Question, limits: Limits, headers: dict[str, str]) -> Reply:
        """Sends the request and returns the answer with any status. Raises urllib3's errors, and Permanent for
        arguments that the client rejects."""
        call = getattr(self._api(question.api), f"{question.verb}_without_preload_content")
        given = {key: value for key, value in question.arguments.items() if value is not None}
        for name in IN_PATH & given.keys():
            in_path(str(given[name]))
        if question.body:
            given[_argument(question.body[0])] = exactly(getattr(load(), question.body[0]), question.body[1])
        timeout = (max(limits.connect, 0.01), max(limits.read, 0.01))
        try:
            response = call(**given, _headers=headers, _request_timeout=timeout)
        except ValueError as error:
            if type(error).__module__.startswith("pydantic"):
                raise Permanent(f"Airflow ({self._name}) cannot be asked that: {_first_line(error)}", "400") from None
            raise
        return _reply(response, limits, tail=question.tail)

    def close(self) -> None:
        """Closes the connections."""
        with self._lock:
            if self._client is not None:
                self._client.rest_client.pool_manager.clear()

    def _api(self, api: str) -> Any:
        with self._lock:
            if api not in self._apis:
                package = load()
                self._client = self._client or package.ApiClient(self._configuration(package))
                self._apis[api] = getattr(package, api)(self._client)
            return self._apis[api]

    def _configuration(self, package: ModuleType) -> Any:
        configuration = package.Configuration(
            host=self._url, retries=False, ssl_ca_cert=self._verify if isinstance(self._verify, str) else None
        )
        configuration.verify_ssl = bool(self._verify)
        configuration.connection_pool_maxsize = POOL_SIZE
        configuration.proxy = proxy_for(self._url)
        return configuration


def exactly(model: Any, fields: Mapping[str, Any]) -> Any:
    """A body that is sent as given: the models add fields with defaults, which older servers refuse."""

    class Exact(model):  # type: ignore[misc]
        def to_dict(self) -> dict[str, Any]:
            return dict(fields)

    return Exact.model_construct()


def _argument(model: str) -> str:
    """`TriggerDAGRunPostBody` → `trigger_dag_run_post_body`, the argument's name."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", model).lower()


def proxy_for(url: str) -> str | None:
    """The proxy that the environment sets for this address, chosen like httpx does; None for a direct connection."""
    parts = urlsplit(url)
    if not parts.hostname or urllib.request.proxy_bypass(parts.hostname):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def _reply(response: Any, limits: Limits, *, tail: bool) -> Reply:
    try:
        body = drain(response.stream(65536), limits, tail=tail)
    except BaseException:
        response.close()  # half-read connections must not go back into the pool
        raise
    response.release_conn()
    return Reply(response.status, {key.lower(): value for key, value in response.headers.items()}, body)


def _first_line(error: ValueError) -> str:
    """pydantic's message without the values, which may be a person's input; at most 300 characters."""
    rows = error.errors(include_input=False, include_url=False)  # type: ignore[attr-defined]
    return "; ".join(f"{'.'.join(str(part) for part in row['loc'])}: {row['msg']}" for row in rows)[:300]
