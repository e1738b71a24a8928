"""Requests for a second person's approval and break-glass announcements: posted, updated, and their buttons.

The second person sees everything that the preview showed, except a variable's value, which the channel must not see.
The requester and the approver are named, and an edit notifies no one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.core.access import Glass
from bot.core.errors import Refused
from bot.core.remediation import Approval
from bot.responder.remediation import second_person
from bot.responder.remediation.approve import approve
from bot.responder.services import Services
from bot.slack.alert.poster import Poster
from bot.slack.commands.request import refused
from bot.slack.replies import replies
from bot.slack.replies.approval import APPROVE, TAKE_BACK, broken, over, request

if TYPE_CHECKING:
    from bot.slack.interactions.press import Pressed


def show(poster: Poster, approval: Approval, channel: str, thread: str) -> tuple[str, str]:
    """Posts the request once, in a thread also to the channel; later calls edit it."""
    if approval.ref:
        return poster.notice(approval.plan.id, request(approval), approval.channel_id, approval.ref)
    return poster.notice(approval.plan.id, request(approval), channel, thread=thread)


def loud(poster: Poster, glass: Glass, channel: str, deeds: int | None) -> None:
    """Announces that break-glass access began (`deeds` is None) or ended."""
    said = broken(glass) if deeds is None else over(glass, deeds)
    poster.notice(f"glass-{glass.id}-{'broken' if deeds is None else 'over'}", said, channel)


def presses(services: Services) -> dict[str, Callable[[Pressed], None]]:
    """The buttons for the listeners: approve, and the first person's Cancel."""

    def on_approve(pressed: Pressed) -> None:
        done = approve(services, pressed.ask.person, pressed.value)
        if isinstance(done, Refused):
            pressed.say(refused(pressed.ask, done, APPROVE))

    def on_take_back(pressed: Pressed) -> None:
        not_done = second_person.take_back(services, pressed.ask.person, pressed.value)
        if not_done is not None:
            pressed.say(refused(pressed.ask, not_done, "cancel"))

    return {APPROVE: on_approve, TAKE_BACK: on_take_back}


def cancelled(services: Services, pressed: Pressed) -> None:
    """Handles Cancel under one's own list; a plan that waits for a second person is withdrawn."""
    not_done = second_person.take_back(services, pressed.ask.person, pressed.value)
    pressed.say(replies.cancelled() if not_done is None else refused(pressed.ask, not_done, "cancel"), replace=True)
