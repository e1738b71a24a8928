"""The cause of a failure as a phrase of three to six words in the past tense, for headlines.

The phrase comes from the runbook, else from a table of known exceptions, else from the exception's name and the start
of its message.
"""

from __future__ import annotations

import re

from bot.core.incidents.runbook import Runbook
from bot.core.redaction import redact
from bot.core.signals.signal import Family, Signal
from bot.core.signals.signature import short_type

_KNOWN: tuple[tuple[str, str], ...] = (
    (r"Connection refused", "the database refused the connection"),
    (r"could not translate host name|Name or service not known|getaddrinfo failed", "the host name was not found"),
    (r"password authentication failed|Access denied|Login failed", "the login was refused"),
    (r"too many connections|remaining connection slots", "no database connection was free"),
    (r"UniqueViolation.*constraint \"(?P<name>[^\"]+)\"|IntegrityError.*duplicate key", "duplicate key in {name}"),
    (r"UndefinedTable.*relation \"(?P<name>[^\"]+)\"", "table {name} did not exist"),
    (r"UndefinedColumn.*column \"?(?P<name>[\w.]+)\"?", "column {name} did not exist"),
    (r"[Dd]eadlock", "a deadlock was detected"),
    (r"AirflowTaskTimeout", "ran past its time limit"),
    (r"AirflowSensorTimeout", "waited past its time limit"),
    (r"ReadTimeout|ConnectTimeout|TimeoutError|timed out", "timed out"),
    (r"(?P<name>5\d\d) Server Error|HTTPError.*\b(?P<code>5\d\d)\b", "the server answered {name}"),
    (r"(?P<name>4\d\d) Client Error|HTTPError.*\b(?P<code>4\d\d)\b", "the server refused with {name}"),
    (r"MemoryError|OOMKilled", "ran out of memory"),
    (r"No space left on device", "the disk was full"),
    (r"PermissionError|AccessDenied|Permission denied", "access was denied"),
    (r"FileNotFoundError|NoSuchKey|No such file", "a file was not found"),
    (r"ModuleNotFoundError: No module named '(?P<name>[\w.]+)'", "module {name} was missing"),
    (r"KeyError: '?(?P<name>\w{1,30})'?$", "key {name} was missing"),
)


def phrase(signal: Signal, runbook: Runbook | None = None, limit: int = 60) -> str:
    """Why it failed, in a few words; empty when nothing is known."""
    if runbook and runbook.phrase:
        return runbook.phrase
    fault = signal.exception
    if not fault:
        return "no callback said why" if signal.family is Family.task else ""
    name, first_line = short_type(fault.type), (fault.message.strip().splitlines() or [""])[0]
    first_line = redact(first_line)  # the whole line is redacted before it is cut
    text = f"{name}: {first_line}"
    for pattern, words in _KNOWN:
        found = re.search(pattern, f"{name}: {fault.message[:500]}", re.DOTALL)
        if found:
            parts = {key: value for key, value in found.groupdict().items() if value}
            return words.format(name=parts.get("name") or parts.get("code") or "a table")
    if not name:
        text = first_line
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
