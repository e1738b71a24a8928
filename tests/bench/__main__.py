"""Runs the benchmarks one after the other and prints one line each; `python -m tests.bench [NAME]…` takes some of them."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import ack, demo_start, intake, plugin_cost, reaction, redaction, storm

VENVS = Path(__file__).resolve().parents[2] / ".airflow"


def plugin(_: Path) -> dict[str, object]:
    """What the plugin costs inside each Airflow that is installed."""
    pythons = sorted(VENVS.glob("venv-*/bin/python"))
    return {python.parts[-3].removeprefix("venv-"): plugin_cost.measure(python) for python in pythons}


BENCHES: dict[str, Callable[[Path], dict[str, object]]] = {
    "plugin": plugin,
    "reaction": reaction.measure,
    "redaction": redaction.measure,
    "intake": intake.measure,
    "storm": storm.measure,
    "ack": ack.measure,
    "demo": demo_start.measure,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        sys.stderr.write(f"there is no benchmark {unknown[0]}; there are {', '.join(BENCHES)}\n")
        return 2
    for name in names or BENCHES:
        with tempfile.TemporaryDirectory(prefix="windsock-bench-") as folder:
            sys.stdout.write(f"{name}: {json.dumps(BENCHES[name](Path(folder)))}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
