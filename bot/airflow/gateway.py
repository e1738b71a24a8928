"""One deployment, whichever version it runs: detects the major version at first use and follows an upgrade.

After an upgrade every address of the old major answers 404; that is distinguished from "no such DAG", and the call is
repeated after detecting the version again. Connecting never contacts the server; an unavailable deployment raises
`Temporary` and affects no other.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from bot.airflow import calls, links, login
from bot.airflow.airflow2.api import AirflowTwo
from bot.airflow.airflow3 import client
from bot.airflow.airflow3.api import AirflowThree
from bot.airflow.detection import detect
from bot.airflow.errors import Moved
from bot.core.airflow.protocol import Airflow, TaskRef
from bot.core.errors import Permanent

Answer = TypeVar("Answer")
Backend = AirflowTwo | AirflowThree
if TYPE_CHECKING:
    _Protocol = Airflow
else:
    _Protocol = object


@dataclass(frozen=True)
class GatewayConfig:
    """One deployment. `url` is the bare base (no `/api/…`); `timeout` is seconds to wait for an answer; `verify` may be
    the path of a CA bundle. A token takes precedence over a token command, which takes precedence over user and
    password."""

    name: str
    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    token_command: str = field(default="", repr=False)
    ui_url: str = ""
    timeout: float = calls.READ_SECONDS
    verify: bool | str = True


def connect(config: GatewayConfig) -> Gateway:
    """The gateway of a deployment, an `Airflow` with `within` and `close`. It does not contact the server yet."""
    return Gateway(config)  # type: ignore[abstract]  # it forwards what it does not define


def warm_up() -> threading.Thread:
    """Loads the Airflow 3 client in the background: its import takes more than a second."""
    return client.load_in_background()


_DECLARED = {name: kind for part in reversed(Airflow.__mro__) for name, kind in vars(part).items() if name[0] != "_"}
_PROPERTIES = frozenset(name for name, kind in _DECLARED.items() if isinstance(kind, property))
_VERBS = frozenset(name for name, kind in _DECLARED.items() if callable(kind))


class Gateway(_Protocol):
    """`bot.core.airflow.protocol.Airflow`, forwarded to the adapter for the server's version."""

    def __init__(self, config: GatewayConfig) -> None:
        self.name = config.name
        self.ui_url = (config.ui_url or config.url).rstrip("/")
        self._config = config
        self.url = self._url = config.url.rstrip("/")
        self._calls = calls.Calls(config.name, timeout=config.timeout)
        self._http = httpx.Client(verify=_verification(config.verify), limits=httpx.Limits(max_connections=20))
        self._raw = client.RawClient(config.name, self._url, config.verify)
        self._found: Backend | None = None
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        """Forwards a method or property of the protocol to the adapter for the server's version."""
        if name in _PROPERTIES:
            return getattr(self._backend(), name)
        if name in _VERBS:
            return partial(self._forward, name)
        raise AttributeError(name)

    def _forward(self, verb: str, *given: Any, **named: Any) -> Any:
        return self._ask(lambda airflow: getattr(airflow, verb)(*given, **named))

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Limits all calls in this block, in this thread, to `seconds` in total."""
        return calls.within(seconds)

    def close(self) -> None:
        """Closes the connections. The gateway can't be used afterwards."""
        self._http.close()
        self._raw.close()

    def run_url(self, dag_id: str, run_id: str) -> str:
        return links.run(self.ui_url, self._known_major, dag_id, run_id)

    def task_url(self, ref: TaskRef, try_number: int | None = None) -> str:
        return links.task(self.ui_url, self._known_major, ref, try_number)

    @property
    def _known_major(self) -> int | None:
        found = self._found
        return None if found is None else found.major

    def _ask(self, verb: Callable[[Backend], Answer]) -> Answer:
        """Makes the call; repeats it once if the server was upgraded (a 404 for the address has changed nothing)."""
        asked = self._backend()
        try:
            return verb(asked)
        except Moved:
            self._forget(asked)
        try:
            return verb(self._backend())
        except Moved:
            raise Permanent(f"Airflow ({self.name}) does not offer this", "404") from None

    def _backend(self) -> Backend:
        found = self._found
        if found is not None:
            return found
        with self._lock:  # one thread detects, the others wait for its result
            if self._found is None:
                self._found = self._look()
            return self._found

    def _forget(self, asked: Backend) -> None:
        with self._lock:
            if self._found is asked:
                self._found = None

    def _look(self) -> Backend:
        version = detect(self._calls, self._http, self._url)
        if version.startswith("2."):
            return AirflowTwo(self.name, version, self._calls, self._login(jwt=False), self._http, self._url)
        if not version.startswith("3."):
            raise Permanent(
                f"Airflow ({self.name}) says that it is {version}; this Windsock knows Airflow 2 and 3", "major"
            )
        return AirflowThree(self.name, version, self._calls, self._login(jwt=True), self._raw)

    def _login(self, *, jwt: bool) -> calls.Login:
        config = self._config
        fetch = login.jwt_fetcher(self._http, self._url, config.username, config.password) if jwt else None
        return login.choose(
            username=config.username,
            password=config.password,
            token=config.token,
            token_command=config.token_command,
            jwt=fetch,
        )


def _verification(verify: bool | str) -> bool | ssl.SSLContext:
    return ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify
