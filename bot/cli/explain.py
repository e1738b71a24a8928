"""`windsock config --explain`: the route, silence, maintenance window and runbook that apply to a signal, and why.

It uses the same pure functions as the running bot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

from bot.app.build import load_runbooks, services_of
from bot.config.settings import Settings
from bot.core.incidents.routing import RETRYING, Placement, Policy, Route, Silence, severity_of
from bot.core.incidents.runbook import Runbook, guiding
from bot.core.signals.signal import SEPARATOR, Mood, Signal
from bot.responder.signals.placement import place, quiet
from bot.store.silences import active_silences


def explain(settings: Settings, signal: Signal, now: datetime) -> Iterator[str]:
    """Yields a line for each decision."""
    books = load_runbooks(settings)
    services = services_of(settings, (), books)
    signature, placement = place(services, signal)
    book = guiding(books, signal)
    yield f"signal      {signal.kind} {signal.label} in {signal.deployment}"
    if signal.kind == RETRYING and placement.warns:
        yield f"effect      warns: route {placement.route} asks for it from try {_warn_on(services.policy, placement)} on"
    elif signal.mood is not Mood.sick:
        yield f"effect      {'heals' if signal.mood is Mood.well else 'is kept, opens'} " + (
            ", ".join(thing.replace(SEPARATOR, " ") for thing in signal.heals()) or "nothing"
        )
        return
    yield f"signature   {signature.name}  {signature.masked}"
    yield f"severity    {placement.severity}  ({_severity(signal, placement)})"
    for route in services.policy.routes:
        if route.name == placement.route:
            break
        yield f"not         {route.name}  ({_mismatch(route, signal, signature.name)})"
    yield f"route       {placement.route}  → {placement.channel}" + (
        f", mentions {placement.mention}" if placement.mention else ""
    )
    within = f"  (within {placement.within} of its last failure)" if placement.within else ""
    yield f"group       {placement.key.replace(SEPARATOR, ' ')}{within}"
    yield f"rings       {_rings(placement, book, ' and '.join(services.pagers.values()))}"
    with closing(services.store), services.store.read() as t:
        silences = active_silences(t, now)
    silence = quiet(services, silences, signal, signature.name, placement.severity, now)
    yield f"silence     {_quiet(silence)}"
    yield f"runbook     {_book(book)}"


def _quiet(silence: Silence | None) -> str:
    if silence is None:
        return "none"
    return f"{silence.scope} until {silence.until:%Y-%m-%d %H:%M} UTC, {silence.by}: {silence.reason}"


def _severity(signal: Signal, placement: Placement) -> str:
    """What decided the severity: the route, the runbook, or the signal itself."""
    if placement.severity_by.startswith(("route ", "runbook ")):
        return f"{placement.severity_by} says so"
    if signal.kind == RETRYING:
        return "a retry is a warning"
    if signal.severity == severity_of(signal).value:
        return "the signal says so"
    return "tag critical" if "critical" in signal.tags else f"kind {signal.kind}"


def _warn_on(policy: Policy, placement: Placement) -> int | None:
    return next((route.warn_on_try for route in policy.routes if route.name == placement.route), None)


def _rings(placement: Placement, book: Runbook | None, pagers: str) -> str:
    """Who is rung, when, and who said so; a runbook that was overruled is named."""
    if placement.page_after is None:
        if not pagers:
            return "nobody  (no pager is configured)"
        overruled = book is not None and book.escalate_after is not None and placement.page_by.startswith("route ")
        return f"nobody  ({placement.page_by} says so)" if overruled else "nobody"
    after = f"after {placement.page_after}" if placement.page_after else "at once"
    by = f"{placement.page_by} says so" if placement.page_by != "critical" else "it is critical"
    return f"{pagers} {after}  ({by})"


def _mismatch(route: Route, signal: Signal, signature: str) -> str:
    """The first field that does not match."""
    severity = severity_of(signal)
    for name, patterns in route.match.patterns.items():
        alone = type(route.match)({name: patterns})
        if not alone(signal, severity, signature):
            return f"{name} is not one of {', '.join(patterns)}"
    return "matches, yet stands behind the first that does"


def _book(book: Runbook | None) -> str:
    if book is None:
        return "none matches"
    fields = ", ".join(f"{name} {'|'.join(patterns)}" for name, patterns in book.match.items())
    return f"{book.name}: {book.title}  ({fields})"
