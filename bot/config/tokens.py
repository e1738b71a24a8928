"""The tokens of senders and readers that are valid now: mounted files are read again when they change."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from bot.config.settings import PREFIX, Settings
from bot.core.bearer import SHORTEST, Tokens, split

logger = logging.getLogger(__name__)
LOOK_SECONDS = 1.0


class TokenFiles:
    """Returns the tokens that are valid now when called. Values from the environment don't change."""

    def __init__(self, settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
        self._values = {
            "SERVER__SIGNAL_TOKEN": settings.server.signal_token.get_secret_value(),
            "SERVER__READ_TOKEN": settings.server.read_token.get_secret_value(),
        } | {_name(name): one.signal_token.get_secret_value() for name, one in settings.airflow.items()}
        self._deployments = {_name(name): name for name in settings.airflow}
        named = {name.upper().removeprefix(PREFIX).removesuffix("_FILE"): path for name, path in environment.items()
                 if name.upper().startswith(PREFIX) and name.upper().endswith("_TOKEN_FILE")}  # fmt: skip
        self._files = {name: Path(path) for name, path in named.items() if name in self._values and path}
        self._seen = {name: _version(path) for name, path in self._files.items()}
        self._looked_at, self._lock = time.monotonic(), Lock()
        self._tokens = self._read()
        for name, value in self._values.items():
            if any(len(token) < SHORTEST for token in split(value)):
                logger.warning("%s%s: is shorter than %d characters; take a random one", PREFIX, name, SHORTEST)

    def __call__(self) -> Tokens:
        with self._lock:
            if self._files and time.monotonic() - self._looked_at > LOOK_SECONDS:
                self._looked_at = time.monotonic()
                self._look()
            return self._tokens

    def _look(self) -> None:
        for name, path in self._files.items():
            version = _version(path)
            if version == self._seen[name]:
                continue
            try:
                value = path.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                logger.warning("%s%s_FILE: cannot be read, the tokens stay as they were: %s", PREFIX, name, error)
                continue
            self._seen[name] = version
            if split(value) or not split(self._values[name]):  # an empty file would let everyone in
                self._values[name] = value
                logger.info("%s%s_FILE was read again: %d valid", PREFIX, name, len(split(value)))
        self._tokens = self._read()

    def _read(self) -> Tokens:
        return Tokens(
            every=split(self._values["SERVER__SIGNAL_TOKEN"]), read=split(self._values["SERVER__READ_TOKEN"]),
            one={deployment: tokens for name, deployment in self._deployments.items()
                 if (tokens := split(self._values[name]))},
        )  # fmt: skip


def _name(deployment: str) -> str:
    return f"AIRFLOW__{deployment.upper()}__SIGNAL_TOKEN"


def _version(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return found.st_ino, found.st_mtime_ns, found.st_size
