"""Logging: secrets are redacted, lines can't be forged, and an outsider can't cause a flood."""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections.abc import Callable

from bot.core.redaction import redact

LINE, TRACEBACK = 2_000, 16_000  # characters
LOOKED_AT = 100_000  # of a message; the result is cut again at LINE, so half a secret can't remain at this cut
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# they log requests, bodies and addresses below WARNING, and some of their loggers set their own level
_LIBRARIES = ("httpx", "httpcore", "apscheduler", "alembic", "slack_bolt", "slack_sdk", "airflow_client", "uvicorn", "asyncio",
              "urllib3")  # fmt: skip


class LineFormatter(logging.Formatter):
    """Formats one record as one line. A traceback follows on lines that begin with a bar, which no record does."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        shown = logging.makeLogRecord(record.__dict__ | {"msg": one_line(record.getMessage()), "args": None})
        shown.exc_info, shown.exc_text, shown.stack_info = None, None, None
        trace = self.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""
        return "\n".join([super().format(shown), *_bars("\n".join(filter(None, (trace, record.stack_info))))])


def one_line(text: str) -> str:
    """Foreign text as one short line: redacted, cut, and with control characters escaped."""
    said = redact(text[:LOOKED_AT])
    cut = f"{said[:LINE]} … {len(text) - LINE:,} characters cut" if len(said) > LINE else said
    return _CONTROL.sub(_escaped, cut)


def _bars(text: str) -> list[str]:
    said = redact(text[-LOOKED_AT:])  # a traceback's end says most
    shown = said if len(said) <= TRACEBACK else f"… {len(said) - TRACEBACK:,} characters cut …\n{said[-TRACEBACK:]}"
    return [f"  | {_CONTROL.sub(_escaped, line)}" for line in shown.split("\n")] if text else []


def _escaped(found: re.Match[str]) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(found[0], f"\\u{ord(found[0]):04x}")


def _is_ours_or_serious(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.split(".")[0] not in _LIBRARIES


def set_up(level: int = logging.INFO) -> None:
    """Sends everything that this process logs to standard error, through one handler."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    handler.addFilter(_is_ours_or_serious)
    logging.basicConfig(level=level, handlers=[handler], force=True)


class Seldom:
    """Warns at most once in `seconds` for each kind of trouble, and says how many warnings were left out in between."""

    def __init__(self, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._seen: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def warn(self, logger: logging.Logger, kind: str, message: str, *args: object) -> None:
        """Warns if it is time. `kind` is one of ours, never foreign text, so the number of kinds is bounded."""
        with self._lock:
            due, missed = self._seen.get(kind, (0.0, 0))
            now = self._clock()
            if now < due:
                self._seen[kind] = due, missed + 1
                return
            self._seen[kind] = now + self._seconds, 0
        more = f" (and {missed} more since the last line)" if missed else ""
        logger.warning(message + "%s", *args, more)
