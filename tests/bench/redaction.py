"""What it takes to look a text through for secrets, of texts that were not seen before, in CPU time."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from bot.core.redaction import redact

_FRAME = '  File "/opt/airflow/dags/sales_{n}.py", line {n}, in load_{n}\n    self.insert(rows, frame)\n'
_SECRET = '    connect(url, password="{n}x8Kd0a", token_count={n})\n'
ROUNDS = 200


def measure(_: Path) -> dict[str, object]:
    """Milliseconds for 4 KB, and for 1 MB as a multiple of 256 KB (4 is linear)."""
    big = [_seconds(_text(size, 0, secrets=True)) for size in (2**18, 2**20)]
    return {
        "4_kb_ms": round(1000 * _typical(secrets=False), 3), "4_kb_with_names_ms": round(1000 * _typical(secrets=True), 3),
        "1_mb_s": round(big[1], 3), "1_mb_of_256_kb": round(big[1] / big[0], 1),
    }  # fmt: skip


def _typical(*, secrets: bool) -> float:
    return median(_seconds(_text(4_096, number, secrets=secrets)) for number in range(ROUNDS))


def _text(size: int, number: int, *, secrets: bool) -> str:
    """A traceback whose lines differ from those of every other number; every tenth frame names secrets."""
    frames = (
        _FRAME.format(n=number * 1_000 + n) + (_SECRET.format(n=n) if secrets and n % 10 == 0 else "")
        for n in range(size // len(_FRAME) + 1)
    )
    return ("Traceback (most recent call last):\n" + "".join(frames))[:size]


def _seconds(text: str) -> float:
    begun = time.process_time()
    redact(text)
    return time.process_time() - begun
