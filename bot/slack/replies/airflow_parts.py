"""Replies about the parts of each Airflow: import errors, pools, processes, one variable, one connection.

A value that may be a secret is never shown, on either major, because 2.x returns it unmasked. A deployment that doesn't
answer takes one line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from bot.core.airflow.protocol import Connection, ConnectionTest, ImportFault, Job, Pool, Variable
from bot.core.dates import span
from bot.core.json_text import read_json
from bot.core.redaction import MASK, is_secret_name, redact
from bot.slack.api.files import whole
from bot.slack.text.block_kit import Block, Message, context, message, preformatted, section
from bot.slack.text.columns import bar, shown
from bot.slack.text.words import bare, clock, code, count, cut, foreign, joined, plain
from bot.slack.text.words import preformatted as lines_of

T = TypeVar("T")
Told = Sequence[tuple[str, "list[T] | str"]]  # by deployment: its answer, or an error sentence
_MOST_FILES, _MOST_POOLS, _MOST_JOBS, _VALUE = 12, 30, 30, 1_500
_FRAME = re.compile(r'^\s*File "([^"\n]{1,500})", line (\d+)')
_SECRET_NAMES = (
    "keyfile",
    "service_account",
    "authorization",
    "private_key",
    "privatekey",
    "accesskey",
    "access_token",
)
_KEY_LIKE = re.compile(r"(?=\S*[a-z])(?=\S*[A-Z])(?=\S*\d)[\w+/=.~-]{24,}")
_KINDS = {"dag_processor": "DAG processor"}


def _everywhere(told: Told[T], head: Callable[[list[T]], str], part: Callable[[list[T]], tuple[list[Block | None], str]],
                last: str) -> Message:  # fmt: skip
    """A heading and a part for each deployment; its name is shown if there are several."""
    blocks: list[Block | None] = []
    texts, notes = [], []
    for name, given in told:
        where = f"*{foreign(name, 60)}* " if len(told) > 1 else ""
        if isinstance(given, str):
            blocks.append(section(f"⚠️ {where}{foreign(given, 300)}"))
            texts.append(joined(foreign(name, 60), foreign(given, 120)))
            continue
        inner, more = part(given)
        blocks += [section(f"{where}{head(given)}"), *inner]
        notes.append(more)
        texts.append(bare(f"{where}{head(given)}"))
    return message(cut(" ".join(texts), 300), *blocks, context(joined(*notes, last)))


def import_errors(told: Told[ImportFault]) -> Message:
    """Each file with the two lines that matter: the failing line of the file, and the error."""

    def head(faults: list[ImportFault]) -> str:
        if not faults:
            return "*Every DAG file imports*"
        return f"*{count(len(faults), 'DAG file')} {'does' if len(faults) == 1 else 'do'} not import*"

    def part(faults: list[ImportFault]) -> tuple[list[Block | None], str]:
        blocks = [block for fault in faults[:_MOST_FILES] for block in _file(fault)]
        return blocks, f"+{len(faults) - _MOST_FILES} more" if len(faults) > _MOST_FILES else ""

    return _everywhere(told, head, part, f"next: {code('/airflow health import-errors')}")


def _file(fault: ImportFault) -> list[Block | None]:
    name = joined(
        code(fault.filename, 150), foreign(fault.bundle, 60), f"seen {clock(fault.seen_at)}" if fault.seen_at else ""
    )
    said = [line for line in whole(fault.stacktrace).split("\n") if line.strip(" ^~")]
    first, last = _stumbled(fault.stacktrace, fault.filename), said[-1].strip() if said else ""
    return [section(name), preformatted("\n".join(cut(line, 300) for line in (first, last) if line))]


def _stumbled(trace: str, filename: str) -> str:
    """`line 7: from finance.rates import fx_rate`: the last frame of the trace that is in the file itself."""
    lines = whole(trace).split("\n")
    for number in range(len(lines) - 1, -1, -1):
        frame = _FRAME.match(lines[number])
        if frame and (frame[1] == filename or frame[1].endswith("/" + filename.lstrip("/"))):
            below = lines[number + 1].strip() if number + 1 < len(lines) else ""
            return f"line {frame[2]}: {below}" if below else f"line {frame[2]}"
    return ""


def pools(told: Told[Pool]) -> Message:
    """Each pool as a bar: slots taken of all slots, and what waits."""

    def head(found: list[Pool]) -> str:
        full = [pool.name for pool in found if _is_full(pool)]
        said = f", *{len(full)} full*" if full else ", none full"
        return f"{count(len(found), 'pool')}{said}"

    def part(found: list[Pool]) -> tuple[list[Block | None], str]:
        ordered = sorted(found, key=lambda pool: (not _is_full(pool), -(pool.queued + pool.scheduled), pool.name))
        block, more = shown([_pool_row(pool) for pool in ordered], _MOST_POOLS)
        return [block], more

    return _everywhere(told, head, part, f"✗ full   ✓ room   next: {code('/airflow health')}")


def _is_full(pool: Pool) -> bool:
    """Whether no slot is open; a pool of -1 slots is unlimited."""
    return pool.slots >= 0 and pool.open <= 0


def _pool_row(pool: Pool) -> tuple[str, ...]:
    taken = pool.slots - pool.open if pool.slots > 0 else pool.running + pool.queued
    size = str(pool.slots) if pool.slots >= 0 else "∞"
    waits = [f"{number} {word}" for number, word in ((pool.running, "running"), (pool.queued, "queued"),
             (pool.scheduled, "scheduled"), (pool.deferred, "deferred")) if number]  # fmt: skip
    sign = "✗ full" if _is_full(pool) else "✓ room"
    return (sign, plain(pool.name, 40), bar(taken, pool.slots), f"{taken}/{size}", ", ".join(waits))


def jobs(told: Told[Job], now: datetime) -> Message:
    """The schedulers, triggerers and DAG processors, and the age of each one's heartbeat."""

    def head(found: list[Job]) -> str:
        silent = [job for job in found if not job.is_alive]
        said = f", *{len(silent)} silent*" if silent else ", all beat"
        return f"{count(len(found), 'job')}{said if found else ''}"

    def part(found: list[Job]) -> tuple[list[Block | None], str]:
        block, more = shown([_job_row(job, now) for job in found], _MOST_JOBS)
        return [block], more

    return _everywhere(told, head, part, f"✓ beats   ✗ silent   next: {code('/airflow health scheduler-heartbeat')}")


def _job_row(job: Job, now: datetime) -> tuple[str, ...]:
    since = f"{span((now - job.latest_heartbeat).total_seconds())} ago" if job.latest_heartbeat else "never"
    sign = "✓ beats" if job.is_alive else "✗ silent"
    return (sign, _KINDS.get(job.kind, plain(job.kind, 30)), since, plain(job.state, 20), plain(job.hostname, 60))


def variable(found: Variable, where: str = "") -> Message:
    """One variable; names and values that look like secrets are masked, on both majors."""
    value, hidden = _safe(found.key, found.value)
    note = "masked: it looks like a secret" if hidden else ""
    head = joined(f"*{foreign(found.key, 200)}*", foreign(found.description, 200))
    last = joined(foreign(where), note, f"next: {code('/airflow help variable')}")
    text = f"Variable {foreign(found.key, 100)}{': masked' if hidden else ''}"
    return message(
        text, section(head), preformatted(cut(lines_of(value), _VALUE)) or section("It is empty"), context(last)
    )


def _is_secret(name: str) -> bool:
    plainly = name.casefold().replace("-", "_")
    return is_secret_name(name) or any(word in plainly for word in _SECRET_NAMES)


def _safe(key: str, value: str) -> tuple[str, bool]:
    """The value as it may be shown, and whether a part of it is masked."""
    if _is_secret(key) or _KEY_LIKE.fullmatch(value.strip()):
        return (MASK, True) if value else ("", False)
    try:
        parsed = read_json(value)
    except ValueError:
        parsed = None
    told = json.dumps(_inside(parsed), indent=2, ensure_ascii=False) if isinstance(parsed, dict | list) else value
    clean = redact(told)
    return clean, MASK in clean or "***" in clean


def _inside(value: Any) -> Any:
    """JSON with the values of secret-looking keys masked, at any depth."""
    if isinstance(value, dict):
        return {key: MASK if _is_secret(str(key)) and inner else _inside(inner) for key, inner in value.items()}
    return [_inside(inner) for inner in value] if isinstance(value, list) else value


def connection(found: Connection, where: str = "") -> Message:
    """One connection, without its password and its extra."""
    rows = [("type", found.conn_type), ("host", found.host), ("port", str(found.port or "")), ("login", found.login),
            ("schema", found.schema), ("about", found.description)]  # fmt: skip
    block, _ = shown([(name, plain(value, 200)) for name, value in rows if value], len(rows))
    last = joined(
        foreign(where),
        "password and extra are never shown",
        f"next: {code(f'/airflow connection test {found.id}', 300)}",
    )
    head = f"*{foreign(found.id, 200)}*, a connection of type {foreign(found.conn_type, 60) or 'none'}"
    return message(bare(head), section(head), block, context(last))


def connection_test(conn_id: str, test: ConnectionTest, where: str = "") -> Message:
    """The result of Airflow's connection test."""
    said = {True: "✓ {} connects", False: "✗ {} does not connect", None: "{} was not tested"}[test.ok]
    head = said.format(f"*{foreign(conn_id, 200)}*")
    last = joined(
        foreign(where), "tested by Airflow itself", f"next: {code(f'/airflow connection get {conn_id}', 300)}"
    )
    told = cut(lines_of(test.message), 1_000)
    return message(bare(f"{head}: {foreign(test.message, 150)}"), section(head), preformatted(told), context(last))
