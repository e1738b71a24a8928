"""Answers a user with one sentence, wherever they acted: by response_url, in the open modal, or in a new one.

Every action gets an answer: if a listener fails after it opened a waiting modal, the sentence is shown there.
Interactions in modals and App Home have no response_url. The log has the details.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import Ack, BoltResponse, Respond
from slack_sdk.errors import SlackClientError
from slack_sdk.web import WebClient

from bot.core.errors import Permanent, Temporary
from bot.slack.api.client import called
from bot.slack.dialogs import dialogs, open_dialogs
from bot.slack.interactions import owed_answers
from bot.slack.replies import replies
from bot.slack.text.block_kit import Message
from bot.slack.text.limits import fit, fit_view

logger = logging.getLogger(__name__)
Body = Mapping[str, Any]
_OURS = "Something went wrong on our side; Windsock's log has the details."
NOTHING = f"{_OURS} Try again, or type the command."
UNKNOWN = f"{_OURS} We can't tell whether anything was changed. Please check before trying again."


def on_error(error: Exception, body: Body, ack: Ack, respond: Respond, client: WebClient) -> BoltResponse | None:
    """Logs an unexpected error and answers the person who waits. For Bolt's `app.error`."""
    logger.error("a listener failed on a %s: %s", body.get("type") or body.get("command"), error, exc_info=error)
    waiting = None if "event" in body else open_dialogs.standing()
    said = replies.trouble(NOTHING) if waiting and waiting.only_looks else replies.told(UNKNOWN)
    view = dialogs.window(said, "Windsock")
    if waiting:
        _tried(lambda: called(client.views_update, view=fit_view(view), **waiting.where))
        return None
    return tell(body, ack, respond, client, said)


def tell(body: Body, ack: Ack, respond: Respond | None, client: WebClient, said: Message) -> BoltResponse | None:
    """Sends one sentence to the sender; an event needs no answer."""
    view = fit_view(dialogs.window(said, "Windsock"))
    if body.get("type") == "view_submission" and ack.response is None:
        return ack(response_action="update", view=view)
    if respond is not None and body.get("response_url"):
        _tried(
            lambda: owed_answers.said(lambda: respond(response_type="ephemeral", replace_original=False, **fit(said)))
        )
    elif body.get("trigger_id"):
        opens = client.views_push if (body.get("view") or {}).get("type") == "modal" else client.views_open
        _tried(lambda: called(opens, trigger_id=body["trigger_id"], view=view))
    return None


def _tried(call: Callable[[], object]) -> None:
    try:
        call()
    except (Temporary, Permanent, SlackClientError, OSError) as error:
        logger.warning("a person could not be answered: %s", error)
