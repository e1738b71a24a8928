"""The audit of one request: at least one line for each, and what Slack delivers twice is done once."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from bot.core.access import Person
from bot.core.audit import Line, Request
from bot.core.errors import Permanent, Temporary
from bot.responder.services import Services
from bot.store import audit
from bot.store.signals import heard

logger = logging.getLogger(__name__)
_ALERT = re.compile(r"\b[Aa]-(\d{1,9})\b")
_SUMMARY = 200  # characters of an answer


class Again(Exception):
    """The request was delivered before; the first delivery has the line."""


def arrives(services: Services, source: str, event: str) -> None:
    """Raises Again if the event arrived before. A store that doesn't answer refuses whatever the request asks for."""
    try:
        with services.store.write() as t:
            new = heard.first_time(t, services.clock(), source, event)
    except (Temporary, Permanent):
        return
    if not new:
        raise Again


@contextmanager
def audited(services: Services, person: Person, verb: str, argument: str, link: str = "") -> Iterator[Request]:
    """While this lasts, what is written belongs to this request; at the end it has at least one line."""
    alert = _ALERT.search(argument)
    request = Request(verb, argument, link, incident_id=int(alert[1]) if alert else None)
    request.allowed = not person.barred
    with audit.asked(request):
        try:
            yield request
        except Again:
            request.written = True
            raise
        finally:
            if not request.written:
                _write(services, person, request)


def _write(services: Services, person: Person, request: Request) -> None:
    try:
        with services.store.write() as t:
            audit.record(t, services.clock(), person, request.verb, request.argument, allowed=request.allowed,
                         outcome=request.outcome[:_SUMMARY])  # fmt: skip
    except (Temporary, Permanent) as error:
        logger.error("the audit has no line of %s by %s: %s", request.verb, person.id, error.message)


def lines_of(services: Services, name: str, limit: int) -> list[Line]:
    """The newest lines of one person, named by id or by first name."""
    with services.store.read() as t:
        return audit.lines(t, who_id=name, limit=limit) or audit.lines(t, who=name, limit=limit)


def lines_about(services: Services, word: str, incident_id: int | None, limit: int) -> list[Line]:
    """The newest lines about an incident, else those whose argument contains the word (empty: all lines)."""
    with services.store.read() as t:
        if incident_id is not None:
            return audit.lines(t, incident_id=incident_id, limit=limit)
        return audit.lines(t, word=word, limit=limit)
