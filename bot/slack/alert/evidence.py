"""The evidence of an alert: the cause in Airflow's own words, at most three lines.

Of a long traceback it shows the exception, wrapped, and the innermost frame of the user's own code. Secrets are masked
before a line is cut, and nothing here is markup.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

from bot.core.incidents.incident import Incident
from bot.core.incidents.view import View
from bot.core.signals.signal import Family, Signal
from bot.slack.text.words import count, cut, cut_middle, plain, preformatted

WIDTH = 72
LINES = 3
_FRAME = re.compile(r'^[ \t]*File "([^"\n]{1,500})", line (\d+)(?:, in (\S{1,200}))?', re.MULTILINE)
_LIBRARY = re.compile(r"/(?:site|dist)-packages/|/lib/python\d|<frozen |importlib")
_LARGEST = 4


def evidence(view: View) -> str:
    """At most three lines (five in a storm of several DAGs), empty if nothing is known."""
    if view.is_storm and len(view.counts.dags) > 1:
        return _largest(view)
    signal = view.incident.exemplar
    if signal.family is Family.file:
        return _last_lines(signal, LINES)
    if signal.exception:
        wrapped = wrap(exception_line(signal), LINES - 1)
        return "\n".join([*wrapped, *([where] if (where := frame(signal)) else [])])
    if signal.family in {Family.check, Family.external}:
        return ""  # `facts` shows their facts
    return "\n".join(cut(fact, WIDTH) for fact in (_table(signal) or facts_of(view.incident))[:LINES])


def _table(signal: Signal) -> list[str]:
    """The sweep's findings about a task that reported nothing: lines with aligned columns."""
    told: Any = signal.extra.get("evidence")
    lines = [told] if isinstance(told, str) else told if isinstance(told, list | tuple) else []
    return [line for one in lines if isinstance(one, str) and (line := preformatted(one).replace("\n", " "))]


def exception_line(signal: Signal) -> str:
    """`psycopg.OperationalError: the message` on one line."""
    fault = signal.exception
    return plain(": ".join(part for part in (fault.type, fault.message) if part))


def wrap(text: str, lines: int) -> list[str]:
    """Wraps the text into at most that many lines of 72 characters; later lines are indented, the last one is cut."""
    wrapped = textwrap.wrap(cut(text, WIDTH * lines * 2), WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    if len(wrapped) > lines:
        return [*wrapped[: lines - 1], cut(wrapped[lines - 1] + " " + wrapped[lines].strip(), WIDTH)]
    return wrapped


def frame(signal: Signal) -> str:
    """`dags/sales_daily.py, line 42, in load`: the innermost frame that is not in a library."""
    frames = _FRAME.findall(signal.exception.traceback)
    own = [found for found in frames if not _LIBRARY.search(found[0])] or frames
    if not own:
        return ""
    path, line, function = own[-1]
    inside = f", in {plain(function)}" if function else ""
    return cut(f"{cut_middle(short_path(path), 40)}, line {line}{inside}", WIDTH)


def short_path(path: str) -> str:
    """The path relative to the DAG folder or the library's folder."""
    for root in ("/site-packages/", "/dist-packages/"):
        if root in path:
            return plain(path.rpartition(root)[2])
    return plain(f"dags/{path.rpartition('/dags/')[2]}" if "/dags/" in path else path)


def last_lines(signal: Signal, lines: int = 8) -> str:
    """The end of the traceback, for the thread; the exception alone if there is no traceback."""
    return _last_lines(signal, lines) if signal.exception.traceback else "\n".join(wrap(exception_line(signal), 4))


def _last_lines(signal: Signal, lines: int) -> str:
    told = preformatted(signal.exception.traceback or exception_line(signal)).split("\n")
    shown = [line for line in told if line.strip() and not _only_marks(line)][-lines:]
    return "\n".join(cut(line, 200 if lines > LINES else WIDTH) for line in shown)


def _only_marks(line: str) -> bool:
    return not line.strip(" ^~")


def _largest(view: View) -> str:
    """The largest DAGs of a storm; the others are summed up in one line."""
    dags = sorted(view.counts.dags, key=lambda pair: -pair[1])
    rows = [(number, cut_middle(plain(dag), 60)) for dag, number in dags[:_LARGEST]]
    rest = dags[_LARGEST:]
    if rest:
        rows.append((sum(number for _, number in rest), f"in {count(len(rest), 'more DAG')}"))
    width = max(len(str(number)) for number, _ in rows)
    return "\n".join(f"{number:>{width}}  {words}" for number, words in rows)


def facts_of(incident: Incident) -> list[str]:
    """The facts that a check or another program sent with its signal, each as one plain line."""
    told: Any = incident.exemplar.extra.get("facts")
    if isinstance(told, dict):
        told = [f"{key} {value}" for key, value in told.items()]
    if isinstance(told, str):
        told = told.split("\n")
    if not isinstance(told, list | tuple):
        return []
    return [line for fact in told if isinstance(fact, str | int | float) and (line := plain(fact, 300))]
