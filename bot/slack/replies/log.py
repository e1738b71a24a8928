"""The log of one try: the last error first, then the end of the log; redacted, at most a screen.

The error may be far above the end, where the last lines alone would only say "Task instance in failure state".
Everything is redacted before anything is cut, and the reply says how many lines there are and how many it shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.core.airflow.protocol import TaskRef
from bot.core.redaction import MASK
from bot.slack.api.files import whole
from bot.slack.text.block_kit import Message, actions, button, context, message, preformatted, section
from bot.slack.text.words import code, count, cut, cut_middle, foreign, joined, link, plain

ROOM, WIDEST = 2_800, 500
MOST_READ, LONGEST_LINE = 400_000, 20_000
_ERROR_LINES = 14
_STAMP = re.compile(r"^\[\d{4}-\d\d-\d\d[T ](\d\d:\d\d:\d\d)[^\]]*\]\s*")
_PLACE = re.compile(r"^\{[\w./-]+:\d+\}\s*")
_LEVEL = re.compile(r"^(DEBUG|INFO|WARNING|ERROR|CRITICAL) - ")
_BAD = re.compile(r"^\d\d:\d\d:\d\d (?:ERROR|CRITICAL) ")
_TRACEBACK = "Traceback (most recent call last):"


def line(raw: str) -> str:
    """`05:12:40 ERROR Task failed`: one line of either format, without date and source. Continuation lines are
    unchanged."""
    stamp = _STAMP.match(raw)
    if stamp is None:
        return raw
    rest = _PLACE.sub("", raw[stamp.end() :])
    return f"{stamp[1]} {_LEVEL.sub(lambda level: f'{level[1]:<5} ', rest)}".rstrip()


def last_error(lines: Sequence[str]) -> tuple[int, int] | None:
    """Start and end (exclusive) of the last error: an ERROR line or a traceback, with its continuation lines."""
    starts = [n for n, text in enumerate(lines) if _BAD.match(text) or text.startswith(_TRACEBACK)]
    if not starts:
        return None
    begin = starts[-1]
    while begin and begin - 1 in starts:
        begin -= 1  # "Task failed with exception" directly before its traceback
    end = begin + 1
    while end < len(lines) and (end in starts or not re.match(r"\d\d:\d\d:\d\d ", lines[end])):
        end += 1
    return begin, end


def excerpt(lines: Sequence[str], wanted: int) -> list[str]:
    """The last error, then the last lines; only the last lines if they contain the error."""
    tail = max(0, len(lines) - wanted)
    error = last_error(lines)
    if error is None or error[0] >= tail:
        return list(lines[tail:])
    begin, end = error
    shown = list(lines[begin:end])
    if len(shown) > _ERROR_LINES:  # its first line, and its end with the exception
        shown = [shown[0], f"… {len(shown) - _ERROR_LINES} lines", *shown[len(shown) - _ERROR_LINES + 1 :]]
    start = max(tail, end)
    gap = [f"… {count(start - end, 'line')}"] if start > end else []
    return [*shown, *gap, *lines[start:]]


def log(
    ref: TaskRef, raw: Sequence[str], try_number: int, url: str = "", wanted: int = 12, *, tries: int = 0, where: str = "",
    file: str = "", host: str = "",
) -> Message:  # fmt: skip
    """The log of one try. `tries` is the number of tries; `file` is a link to the whole log in a thread; `where` is
    `prod:` if there are several deployments."""
    clean = whole("\n".join(_newest(raw)))
    every = [cut(line(text.rstrip()), WIDEST) for text in clean.expandtabs(4).strip("\n").split("\n")] if raw else []
    picked = _fitting(excerpt(every, wanted))
    name = f"{where}{ref.dag_id}.{ref.label}@{ref.run_id}"
    label = f"{ref.dag_id}.{ref.label}"
    numbered = sum(not text.startswith("…") for text in picked)
    error_first = any(text.startswith("…") for text in picked)
    shown = f"{numbered} of {count(len(raw), 'line')}, the last error first" if error_first else ""
    which = shown or (f"last {numbered} of {count(len(raw), 'line')}" if raw else "no lines")
    shown_try = f"try {try_number}/{tries}" if tries >= try_number else f"try {try_number}"
    place = f" on {foreign(host, 60)}" if host else ""
    head = joined(
        f"*{foreign(cut_middle(plain(label), 200))}*, {shown_try}{place}", which,
        link(file, "as a file in the thread") if file else "", link(url, "whole log") if url else "",
    )  # fmt: skip
    secrets = sum(text.count(MASK) for text in picked)
    more = f"more: {code(f'/airflow logs {name} 50', 300)}" if len(every) > len(picked) and wanted < 50 else ""
    last = joined(foreign(where.rstrip(":")), f"{count(secrets, 'secret')} masked" if secrets else "", more)
    text = f"{which.capitalize()}: the log of {foreign(cut_middle(plain(label), 100))}, {shown_try}."
    return message(text, section(head), preformatted("\n".join(picked)), _tries(name, try_number, tries), context(last))


def _newest(raw: Sequence[str]) -> list[str]:
    """The newest lines, at most 400,000 characters; each is cut at 20,000."""
    kept, room = list[str](), MOST_READ
    for text in reversed(raw):
        room -= len(text[:LONGEST_LINE]) + 1
        if room < 0:
            break
        kept.append(text[:LONGEST_LINE])
    return kept[::-1]


def _fitting(lines: Sequence[str]) -> list[str]:
    """As many lines as there is room for. Lines in the middle are dropped, because the error comes first and the end
    last."""
    if sum(len(text) + 1 for text in lines) <= ROOM:
        return list(lines)
    first, last = list[str](), list[str]()
    room = ROOM - 20
    for near, kept in ((lines, first), (lines[::-1], last)):
        half = room // 2 if kept is first else room
        for text in near:
            half -= len(text) + 1
            if half < 0:
                break
            kept.append(text)
            room -= len(text) + 1
    return [*first, "…", *last[::-1]]


def _tries(name: str, this: int, tries: int) -> dict[str, object] | None:
    """Buttons that run the same command for the previous and the next try."""
    before = (
        button("run", f"Try {this - 1}", f"logs {name} try {this - 1}", spoken=f"Log of try {this - 1}")
        if this > 1
        else None
    )
    after = (
        button("run-2", f"Try {this + 1}", f"logs {name} try {this + 1}", spoken=f"Log of try {this + 1}")
        if this < tries
        else None
    )
    return actions("tries", before, after)
