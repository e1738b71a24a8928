"""Listeners as the audit wraps them."""

from __future__ import annotations

from typing import Any, cast

import pytest
from slack_bolt import App

from bot.responder.services import Services
from bot.slack.api.people import People
from bot.slack.interactions.audit_trail import heard


class Bolt:
    """Takes listeners as Bolt's App does, and calls none."""

    def view(self, _: str) -> Any:
        return lambda listener: listener


def test_a_listener_that_takes_nothing_of_what_was_sent_is_refused_when_it_is_registered() -> None:
    app = heard(cast(App, Bolt()), cast(Services, None), cast(People, None))
    app.view("x")(lambda ack, body: None)  # noqa: ARG005
    with pytest.raises(TypeError, match="must take body or command"):
        app.view("x")(lambda ack: None)  # noqa: ARG005
