"""Both log formats of Airflow as plain lines: 3.x's structured events, 2.x's text.

3.x keeps the traceback as data (`error_detail`); without it a log would end in "Task failed with exception". A line
that can't be parsed as an event is shown unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.airflow import parsing
from bot.core.airflow.protocol import Log
from bot.core.json_text import read_json
from bot.core.redaction import redact

UNREADABLE = (
    "could not read served logs",
    "could not read local log",
    "log file not found on worker",
    "error fetching the logs",
    "no logs found",
    "no logs available",
)
HOST = re.compile(r"[\w.:-]+")
GROUP_SIGNS = ("::group::", "::endgroup::")


def from_events(body: bytes) -> Log:
    """Parses a 3.x log: one JSON event per line (application/x-ndjson), or one document with `content`."""
    lines: list[str] = []
    for event in _events(body.decode("utf-8", "replace")):
        lines.extend(_event_lines(event))
    return _judged(lines)


def from_text(body: bytes) -> Log:
    """Parses a 2.x log: plain text, whose first line is the name of the host that served it."""
    lines = [line.rstrip() for line in body.decode("utf-8", "replace").splitlines()]
    if lines and HOST.fullmatch(lines[0]):
        lines.pop(0)
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return _judged(lines)


def _judged(lines: list[str]) -> Log:
    said = [line for line in lines if line and not any(sign in line for sign in GROUP_SIGNS)]
    told = any(_has_content(line) for line in said)
    unreadable = any(word in line.casefold() for line in said for word in UNREADABLE)
    safe = redact("\n".join(lines)).split("\n")
    return Log(tuple(safe), found=bool(said) and (told or not unreadable))


def _has_content(line: str) -> bool:
    """Whether the line was written by the task: it starts with a timestamp, in both formats."""
    return line[:1] == "[" and line[1:5].isdigit()


def _events(text: str) -> Iterator[Any]:
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            event = read_json(line)
        except ValueError:
            yield line
            continue
        content = event.get("content") if isinstance(event, Mapping) else None
        yield from content if isinstance(content, list) else [event]


def _event_lines(event: Any) -> Iterator[str]:
    if not isinstance(event, Mapping):
        yield str(event)
        return
    stamp, level = str(event.get("timestamp") or ""), str(event.get("level") or "")
    head = f"[{stamp}] " if stamp else ""
    head += f"{level.upper()} - " if level else ""
    said = str(event.get("event") or "").splitlines() or [""]
    yield f"{head}{said[0]}".rstrip()
    yield from said[1:]
    yield from _traceback(event.get("error_detail"))


def _traceback(detail: Any) -> Iterator[str]:
    """Formats the exceptions like Python: causes first. Airflow lists the outermost exception first."""
    links = [link for link in detail if isinstance(link, Mapping)] if isinstance(detail, list) else []
    for position, link in enumerate(reversed(links)):
        if position:
            was_cause = links[len(links) - position].get("is_cause")
            yield ""
            yield (
                "The above exception was the direct cause of the following exception:"
                if was_cause
                else "During handling of the above exception, another exception occurred:"
            )
            yield ""
        yield from _one_exception(link)


def _one_exception(link: Mapping[str, Any]) -> Iterator[str]:
    frames = [frame for frame in parsing.listed(link.get("frames")) if isinstance(frame, Mapping)]
    if frames:
        yield "Traceback (most recent call last):"
    for frame in frames:
        yield f'  File "{frame.get("filename")}", line {frame.get("lineno")}, in {frame.get("name")}'
        if frame.get("line"):
            yield f"    {frame['line']}"
    kind, value = str(link.get("exc_type") or "Exception"), str(link.get("exc_value") or "")
    yield from (f"{kind}: {value}" if value else kind).splitlines()
    yield from (str(note) for note in parsing.listed(link.get("exc_notes")))
