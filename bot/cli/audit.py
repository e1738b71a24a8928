"""`windsock audit`: prints the audit as JSON lines or as a list, all of it unless `--since` is given. Secrets are
already masked."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.core.audit import Line

Command = Callable[[str, Callable[[Any], int], str, str], argparse.ArgumentParser]


def add_to(command: Command) -> None:
    """Adds the command `audit` to the parser."""
    parser = command("audit", audit, "print who did what, oldest first", "python -m bot audit --json --since 7d")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--since", default="", metavar="7d", help="only what is not older; a duration such as 12h or 7d"
    )


def audit(given: Any) -> int:
    """Prints the audit, oldest first. Raises WrongSettings (exit code 2) if `--since` is not a duration."""
    from bot.config.formats import duration
    from bot.config.settings import WrongSettings, load
    from bot.store import audit as audits
    from bot.store.database import Store

    try:
        lasts = duration(given.since) if given.since else None
    except ValueError as error:
        raise WrongSettings(f"--since: {error}") from None
    since = datetime.now(UTC) - lasts if isinstance(lasts, timedelta) else None
    store = Store(load().store.url)
    store.migrate()
    with store.read() as t:
        found = audits.lines(t, since=since)
    store.close()
    for line in reversed(found):
        sys.stdout.write(f"{json.dumps(_row(line), ensure_ascii=False) if given.json else _said(line)}\n")
    return 0


def _row(line: Line) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(line).items()}


def _said(line: Line) -> str:
    who = line.who + (f" with {line.second}" if line.second else "")
    marks = "".join(((" REFUSED" if not line.allowed else ""), (" BROKEN GLASS" if line.break_glass else "")))
    argument = " ".join(line.argument.split())
    return f"{line.at:%Y-%m-%d %H:%M:%S} {who}{marks}: {line.verb} {argument}: {' '.join(line.outcome.split())}"
