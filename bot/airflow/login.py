"""How the bot signs in: a fixed token, a command that prints one, a JWT for user and password (3.x), basic auth (2.x).

When a token expired (401) or the server was restarted with another secret (403 "Invalid JWT token"), one of the threads
that use it fetches the next one and the others take that. Secrets never appear in an error, and a fixed token is never
refreshed.
"""

from __future__ import annotations

import base64
import os
import shlex
import subprocess
import threading
from collections.abc import Callable, Mapping

import httpx

from bot.airflow.calls import Limits, Login, drain
from bot.airflow.errors import LoginRefused, LoginUnavailable, detail
from bot.core.json_text import read_json

COMMAND_SECONDS = 10.0
MOST_SAID = 65_536  # bytes of a token command's output

Fetch = Callable[[Limits], str]


class NoLogin:
    """No authentication, for open servers and for endpoints that need no login."""

    def headers(self, limits: Limits) -> dict[str, str]:  # noqa: ARG002
        return {}

    def renew(self, stale: Mapping[str, str]) -> bool:  # noqa: ARG002
        return False


class Fixed:
    """A fixed Authorization header."""

    def __init__(self, authorization: str) -> None:
        self._authorization = authorization

    def headers(self, limits: Limits) -> dict[str, str]:  # noqa: ARG002
        return {"Authorization": self._authorization}

    def renew(self, stale: Mapping[str, str]) -> bool:  # noqa: ARG002
        return False


class Renewable:
    """A bearer token that is fetched at first use, and again after the server refused it."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._token: str | None = None
        self._lock = threading.Lock()

    def headers(self, limits: Limits) -> dict[str, str]:
        with self._lock:
            if self._token is None:
                self._token = self._fetch(limits)
            return {"Authorization": f"Bearer {self._token}"}

    def renew(self, stale: Mapping[str, str]) -> bool:
        """Drops the refused token, unless another thread has already replaced it."""
        with self._lock:
            if stale.get("Authorization") == f"Bearer {self._token}":
                self._token = None
            return True


def basic(username: str, password: str) -> Fixed:
    """Basic authentication, for Airflow 2.x."""
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return Fixed(f"Basic {pair}")


def choose(*, username: str, password: str, token: str, token_command: str, jwt: Fetch | None) -> Login:
    """Chooses the login from the configuration; `jwt` fetches a token for user and password, None means basic."""
    if token:
        return Fixed(f"Bearer {token}")
    if token_command:
        return Renewable(lambda limits: from_command(token_command, limits))
    if not username:
        return NoLogin()
    return basic(username, password) if jwt is None else Renewable(jwt)


def from_command(command: str, limits: Limits) -> str:
    """Runs the token command, without a shell, and returns the token that it prints. Raises LoginRefused or
    LoginUnavailable."""
    try:
        process = subprocess.Popen(  # noqa: S603
            shlex.split(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=_without_ours(),
        )  # fmt: skip
    except (OSError, ValueError, IndexError) as error:
        raise LoginRefused(f"the token command cannot be run: {type(error).__name__}") from None
    with process:
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(min(COMMAND_SECONDS, max(limits.read, 0.1)), end)
        timer.start()
        said = process.stdout.read(MOST_SAID + 1) if process.stdout is not None else b""
        if len(said) > MOST_SAID:
            process.kill()
        status = process.wait()
        timer.cancel()
    if late.is_set():
        raise LoginUnavailable("the token command did not end in time")
    if len(said) > MOST_SAID:
        raise LoginRefused("the token command says far more than a token")
    token = said.decode("utf-8", "replace").strip()
    if status or not token:
        raise LoginUnavailable(f"the token command ended with {status} and gave no token")
    return token


def _without_ours() -> dict[str, str]:
    """The environment without the bot's own settings, because the command needs none of its secrets."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WINDSOCK_")}


def jwt_fetcher(client: httpx.Client, url: str, username: str, password: str) -> Fetch:
    """Returns a function that fetches a token from `POST /auth/token`, which the simple, FAB and Keycloak auth managers
    of Airflow 3 all have."""

    def fetch(limits: Limits) -> str:
        timeout = httpx.Timeout(limits.read, connect=limits.connect, pool=limits.connect)
        body = {"username": username, "password": password}
        with client.stream("POST", f"{url}/auth/token", json=body, timeout=timeout) as response:
            return _token(response.status_code, drain(response.iter_bytes(), limits), username)

    return fetch


def _token(status: int, body: bytes, username: str) -> str:
    if status >= 500 or status == 429:
        raise LoginUnavailable(f"its login answered {status}")
    if not 200 <= status < 300:
        raise LoginRefused(f"user {username}: {detail(body) or status}")
    try:
        return str(read_json(body)["access_token"])
    except (ValueError, KeyError, TypeError):
        raise LoginRefused("its login gave no token: configure a token or a token command") from None
