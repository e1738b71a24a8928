"""`windsock runbooks list | lint | match`, and `windsock config --explain`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.core.json_text import read_json

if TYPE_CHECKING:
    from bot.core.signals.signal import Signal
from bot.cli.session import FAULT, FINE, WRONG, open_store, read_settings


def runbooks(given: Any) -> int:
    from bot.config.runbooks import read_all

    books, wrong = read_all(read_settings().runbooks.path)
    match given.what:
        case "list":
            print(*(f"{book.name:24} {book.title}" for book in books), sep="\n")
            return FINE
        case "lint":
            for fault in wrong:
                print(fault)
            if not wrong:
                print(f"{len(books)} runbooks are well")
            return FAULT if wrong else FINE
    return _match(given.signal, books)


def _match(file: str | None, books: Sequence[Any]) -> int:
    from bot.core.incidents.runbook import best

    signal = _read_signal(file)
    if signal is None:
        return WRONG
    book = best(books, signal)
    print(f"{book.name}: {book.title}" if book else "no runbook matches")
    return FINE if book else FAULT


def _read_signal(file: str | None) -> Signal | None:
    """A signal from a file or standard input. If it can't be read, prints why and returns None."""
    from datetime import UTC, datetime

    from bot.core.signals.wire import BadSignal, parse

    try:
        text = Path(file).read_text(encoding="utf-8") if file else sys.stdin.read()
        return parse(read_json(text), datetime.now(UTC))
    except (OSError, ValueError, AttributeError) as error:
        print(f"signal: {error}" if not isinstance(error, BadSignal) else error, file=sys.stderr)
        return None


def explain_signal(file: str) -> int:
    from datetime import UTC, datetime

    from bot.cli.explain import explain

    settings, signal = read_settings(), _read_signal(file)
    if signal is None:
        return WRONG
    open_store(settings).close()
    print(*explain(settings, signal, datetime.now(UTC)), sep="\n")
    return FINE
