"""Detects the Airflow version at an address. Only JSON that names a version counts, since a login page answers 200 to
everything."""

from __future__ import annotations

import httpx

from bot.airflow.calls import Calls, Limits, Reply, drain
from bot.core.errors import Permanent
from bot.core.json_text import read_json

PREFIXES = ("/api/v2", "/api/v1")


def detect(calls: Calls, http: httpx.Client, url: str) -> str:
    """The server's version, `3.3.2`. Raises Temporary while it is unavailable, Permanent if no Airflow answers
    there."""
    for prefix in PREFIXES:
        version = _version_at(calls, http, f"{url}{prefix}/version")
        if version:
            return version
    raise Permanent(f"Airflow ({calls.name}): no Airflow API answers at {url}; is the address right?", "404")


def _version_at(calls: Calls, http: httpx.Client, address: str) -> str | None:
    def ask(limits: Limits, headers: dict[str, str]) -> Reply:
        timeout = httpx.Timeout(limits.read, connect=limits.connect, pool=limits.connect)
        with http.stream("GET", address, headers=headers, timeout=timeout) as answer:
            body = drain(answer.iter_bytes(), limits)
            # here a 404 is an answer, not an error: this prefix has no API
            return Reply(200 if answer.status_code == 404 else answer.status_code, dict(answer.headers), body)

    reply = calls.send("read its version", ask, None)
    try:
        found = read_json(reply.body)
    except ValueError:
        return None
    version = found.get("version") if isinstance(found, dict) else None
    return version if isinstance(version, str) and version[:1].isdigit() else None
