"""Posts in the channel what was changed in Airflow without an alert, and how it ended."""

from __future__ import annotations

import logging
from typing import Protocol

from bot.core.errors import Paced, Permanent, Temporary
from bot.core.remediation import Remediation
from bot.responder.services import Services
from bot.store import remediations

logger = logging.getLogger(__name__)


class Announce(Protocol):
    """Shows a change that no incident shows; returns the channel's id and the message's ts. `where` names the
    deployment if there are several."""

    def __call__(
        self, remediation: Remediation, channel: str, ref: str, where: str, *, posting: bool
    ) -> tuple[str, str]: ...


def announce(services: Services, show: Announce) -> None:
    """Posts in the channel what was changed without an alert, and how it went. It is marked `posting` before the call.
    A message that may exist is looked up, so a lost answer never causes a second one, even across a restart."""
    with services.store.read() as t:
        behind = remediations.unannounced(t)
    for remediation, channel, ref, posting in behind:
        if not (ref or posting):
            _announcing(services, remediation, posting=True)
        try:
            several = len(services.airflows) > 1
            named = remediation.plan.deployment if several else ""
            where = show(remediation, channel, ref, named, posting=posting)
        except (Temporary, Permanent) as error:
            logger.info("remediation %s is announced later: %s", remediation.id, error.message)
            if isinstance(error, Temporary) and error.acted is False and not posting:
                _announcing(services, remediation, posting=False)  # it is certain that nothing was posted
            if isinstance(error, Paced):
                continue
            if isinstance(error, Temporary):  # Slack can't be reached; once it can, more urgent work goes first
                return
            where = (channel, ref)
        with services.store.write() as t:
            remediations.announced(t, remediation.id, remediation.version, *where)


def _announcing(services: Services, remediation: Remediation, *, posting: bool) -> None:
    with services.store.write() as t:
        remediations.announcing(t, remediation.id, posting=posting)
