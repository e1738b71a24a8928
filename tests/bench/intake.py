"""How many signals a second are committed and answered, from 32 clients, and how long each answer takes."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.bench.bot_process import bot

CLIENTS = 32
SIGNALS = 5_000
CAUSES = ("connection refused", "timeout", "disk full", "no route")


def measure(folder: Path) -> dict[str, object]:
    """Every signal is a failure of its own; four causes, 500 DAGs."""
    with bot(folder) as url:
        asyncio.run(_load(url, 200, "warm"))
        seconds, taken = asyncio.run(_load(url, SIGNALS, "measured"))
        counted = httpx.get(f"{url}/v1/incidents", timeout=30).json()["incidents"]
    taken.sort()
    kept = sum(one["counts"]["failures"] for one in counted)
    return {
        "per_second": round(SIGNALS / seconds), "p50_ms": round(taken[len(taken) // 2] * 1000, 1),
        "p99_ms": round(taken[int(len(taken) * 0.99)] * 1000, 1), "clients": CLIENTS, "sent": SIGNALS + 200, "kept": kept,
    }  # fmt: skip


async def _load(url: str, number: int, run: str) -> tuple[float, list[float]]:
    taken: list[float] = []
    places = iter(range(number))
    begun = time.perf_counter()
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        await asyncio.gather(*(_client(client, places, run, taken) for _ in range(CLIENTS)))
    return time.perf_counter() - begun, taken


async def _client(client: httpx.AsyncClient, places: Any, run: str, taken: list[float]) -> None:
    for place in places:
        begun = time.perf_counter()
        (await client.post("/v1/signals", json=failure(place, run))).raise_for_status()
        taken.append(time.perf_counter() - begun)


def failure(place: int, run: str) -> dict[str, Any]:
    """One of 500 DAGs, one of four causes, with figures of its own in the message."""
    message = f"{CAUSES[place % 4]} to 10.0.{place % 256}.1 port {place}"
    return {
        "kind": "task_failed", "deployment": "bench", "occurred_at": datetime.now(UTC).isoformat(),
        "dag_id": f"dag_{place % 500}", "run_id": run, "task_id": f"task_{place // 500}", "try_number": 1, "max_tries": 0,
        "exception": {"type": "psycopg.OperationalError", "message": message,
                      "traceback": '  File "dag.py", line 3, in load\n'},
    }  # fmt: skip
