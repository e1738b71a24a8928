"""Break-glass access: a higher role for a short time, with a reason, announced in the channel.

It is a row in the store, so it survives a restart and ends on time. Its start and end are announced in the channel, and
the audit marks every action under it.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Protocol

from bot.core.access import Glass, Person
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.redaction import redact
from bot.responder.services import Services
from bot.store import audit, break_glass

logger = logging.getLogger(__name__)
VERB = "break-glass"


def begin(services: Services, person: Person, lasts: timedelta, reason: str) -> Glass | Refused:
    """Gives the person the role for that long, or says why not."""
    now, rules, reason = services.clock(), services.access.break_glass, redact(reason)
    refused = _refused(services, person, lasts, reason)
    with services.store.write() as t:
        if refused is None and break_glass.broken(t, now, person.id):
            refused = Refused("You have broken the glass already; end it first.", f"{VERB} end")
        outcome = refused.reason if refused else f"{rules.role} for {lasts.total_seconds() / 60:.0f} min"
        made = None if refused else break_glass.break_glass(t, person, rules.role, reason, now, now + lasts)
        audit.record(t, now, person, VERB, reason, allowed=refused is None or _is_named(services, person), outcome=outcome,
                     by_break_glass=made is not None)  # fmt: skip
    services.wake()
    return made or refused or Refused("")


def _refused(services: Services, person: Person, lasts: timedelta, reason: str) -> Refused | None:
    """The first reason to refuse, None if there is none."""
    rules, own = services.access.break_glass, services.access.role_of(person, "")
    unasked = f" Slack could not be asked who is in the user groups: {person.unasked}." if person.unasked else ""
    most = f"{rules.longest.total_seconds() / 60:.0f}"
    reasons = (
        (bool(person.barred), f"Windsock takes nothing from {person.barred}.", ""),
        (not rules.who, "Nobody may break the glass here: [access.break_glass] names nobody.", "whoami"),
        (not _is_named(services, person), f"You may not break the glass.{unasked}", "whoami"),
        (own >= rules.role, f"You are {own} already; there is nothing to break.", "whoami"),
        (not reason.strip(), "Breaking the glass needs a reason.", f"{VERB} {most}m the month-end load stands still"),
        (
            not timedelta(0) < lasts <= rules.longest,
            f"The glass can be broken for at most {most} min.",
            f"{VERB} {most}m why",
        ),
    )
    return next((Refused(said, remedy) for holds, said, remedy in reasons if holds), None)


def _is_named(services: Services, person: Person) -> bool:
    return services.access.may_break_glass(person)


def held(services: Services) -> list[Glass]:
    """Who holds a higher role now."""
    with services.store.read() as t:
        return break_glass.broken(t, services.clock())


def end(services: Services, person: Person) -> Refused | None:
    """Ends it early. None when it is done."""
    now = services.clock()
    with services.store.write() as t:
        ended = break_glass.end_glass(t, person.id, now)
        outcome = "ended" if ended else "there was none"
        audit.record(t, now, person, VERB, "end", allowed=True, outcome=outcome)
    services.wake()
    return None if ended else Refused("You have not broken the glass.", "whoami")


class Say(Protocol):
    """Announces in the root route's channel that break-glass access began (`deeds` is None), or that it is over
    (`deeds` is the number of actions under it)."""

    def __call__(self, glass: Glass, channel: str, deeds: int | None, /) -> None: ...


def tell(services: Services, say: Say) -> None:
    """Announces each access that began, and each that is over with the number of actions under it."""
    now = services.clock()
    with services.store.read() as t:
        behind = break_glass.glass_untold(t)
    for glass in behind:
        over = glass.ended_at is not None or glass.until <= now
        if glass.told == "" and not _said(services, glass, say, None):
            continue
        if over:
            with services.store.read() as t:
                deeds = audit.under_glass(t, glass.person.id, glass.began_at)
            _said(services, glass, say, max(0, deeds - 1))  # breaking the glass is one of the audit's lines


def _said(services: Services, glass: Glass, say: Say, deeds: int | None) -> bool:
    try:
        say(glass, services.policy.channel, deeds)
    except Temporary as error:
        logger.info("the broken glass of %s is sent later: %s", glass.person.name, error.message)
        return False
    except Permanent as error:
        logger.error("the broken glass of %s cannot be sent: %s", glass.person.name, error.message)
    with services.store.write() as t:
        break_glass.glass_told(t, glass.id, "broken" if deeds is None else "over")
    return True
