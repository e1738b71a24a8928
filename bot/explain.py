"""config --explain: which route, silence, maintenance window and runbook a signal would meet, and why.

Rule: the same pure functions decide here as in the running bot; nothing is decided twice in two ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bot.app import desk_of, load_runbooks
from bot.core.policy import Route, Silence, severity_of
from bot.core.runbook import Runbook, best
from bot.core.signal import SEPARATOR, Mood, Signal
from bot.responder.report import place, quiet
from bot.settings import Settings
from bot.store import memory


def explain(settings: Settings, signal: Signal, now: datetime) -> Iterator[str]:
    """A line for each decision."""
    books = load_runbooks(settings)
    desk = desk_of(settings, (), books)
    signature, placement = place(desk, signal)
    yield f"signal      {signal.kind} {signal.label} in {signal.deployment}"
    if signal.mood is not Mood.sick:
        yield f"effect      {'heals' if signal.mood is Mood.well else 'is kept, opens'} " + (
            ", ".join(thing.replace(SEPARATOR, " ") for thing in signal.heals()) or "nothing"
        )
        return
    yield f"signature   {signature.name}  {signature.masked}"
    yield f"severity    {placement.severity}  ({_severity(signal, placement.severity.value)})"
    for route in desk.policy.routes:
        if route.name == placement.route:
            break
        yield f"not         {route.name}  ({_mismatch(route, signal, signature.name)})"
    yield f"route       {placement.route}  → {placement.channel}" + (
        f", mentions {placement.mention}" if placement.mention else ""
    )
    yield f"group       {placement.key.replace(SEPARATOR, ' ')}"
    yield f"rings       {'nobody' if placement.page_after is None else f'PagerDuty after {placement.page_after}'}"
    with desk.store.read() as t:
        silences = memory.active_silences(t, now)
    silence = quiet(desk, silences, signal, signature.name, now)
    yield f"silence     {_quiet(silence)}"
    yield f"runbook     {_book(books, signal)}"


def _quiet(silence: Silence | None) -> str:
    if silence is None:
        return "none"
    return f"{silence.scope} until {silence.until:%Y-%m-%d %H:%M} UTC, {silence.by}: {silence.reason}"


def _severity(signal: Signal, decided: str) -> str:
    own = severity_of(signal).value
    if own != decided:
        return "set by the route"
    if signal.severity == own:
        return "the signal says so"
    return "tag critical" if "critical" in signal.tags else f"kind {signal.kind}"


def _mismatch(route: Route, signal: Signal, signature: str) -> str:
    """The first field that does not match."""
    severity = severity_of(signal)
    for name, patterns in route.match.patterns.items():
        alone = type(route.match)({name: patterns})
        if not alone(signal, severity, signature):
            return f"{name} is none of {', '.join(patterns)}"
    return "matches, yet stands behind the first that does"


def _book(books: list[Runbook], signal: Signal) -> str:
    book = best(books, signal)
    if book is None:
        return "none matches"
    fields = ", ".join(f"{name} {'|'.join(patterns)}" for name, patterns in book.match.items())
    return f"{book.name}: {book.title}  ({fields})"
