"""Calls to Slack: one client and one table of errors.

The SDK's own retry is off, because it would repeat a post whose answer was lost; such a post is
`Temporary(acted=None)`.
"""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
from collections.abc import Callable
from typing import Any
from urllib.error import URLError

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import WebClient

from bot.core.errors import Permanent, Temporary

TIMEOUT = 10
LATE_ACT = 5.0  # seconds after which the effect of a call that timed out can be looked up
_NEVER_THERE = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
_CODE = re.compile(r"[a-z][a-z0-9_.:-]{1,60}")  # Slack's error codes; the SDK puts sentences there too
_PASSING = frozenset({
    "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "accesslimited",
})  # fmt: skip
_SENTENCES = {
    "channel_not_found": "the channel does not exist, or the bot cannot see it",
    "not_in_channel": "the bot is not in the channel; invite it",
    "is_archived": "the channel is archived",
    "invalid_auth": "the bot token is not valid",
    "token_revoked": "the bot token was revoked",
    "account_inactive": "the bot's account is deactivated",
    "missing_scope": "the app lacks a scope",
    "message_not_found": "the message was deleted",
    "thread_not_found": "the message was deleted",
    "token_expired": "the bot token has expired",
    "not_authed": "no bot token was sent",
    "restricted_action": "a workspace setting keeps the bot from posting there",
}


def client(token: str, api_url: str) -> WebClient:
    """A client without the SDK's retries."""
    return WebClient(token=token, base_url=api_url, timeout=TIMEOUT, retry_handlers=[])


def called(call: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """Makes one call and returns its answer. Raises Temporary or Permanent for everything that Slack or the network can
    cause."""
    try:
        answer = call(**arguments)
    except SlackApiError as error:
        raise _refused(error) from error
    except URLError as error:
        raise _lost(f"Slack does not answer: {error.reason}", error.reason) from error
    except (SlackClientError, http.client.HTTPException, TimeoutError, OSError, ValueError) as error:
        raise _lost(f"Slack's answer was lost: {error}", error) from error
    except (AttributeError, TypeError, KeyError) as error:  # the SDK fails on an answer that isn't an object
        raise Temporary("Slack's answer cannot be read", acted=None) from error
    data: Any = getattr(answer, "data", None)
    if not isinstance(data, dict):
        raise Temporary("Slack's answer isn't a JSON object", acted=None)
    return data


def _lost(said: str, reason: object) -> Temporary:
    """The error for a lost answer. A call that was refused, not found or not reached was certainly not executed; any
    other may have been. One that timed out may even be executed later, so it is not looked up at once."""
    if isinstance(reason, _NEVER_THERE) or getattr(reason, "errno", None) in _NO_WAY:
        return Temporary(said, acted=False)
    return Temporary(said, LATE_ACT if isinstance(reason, TimeoutError) else None, acted=None)


def _refused(error: SlackApiError) -> Temporary | Permanent:
    answer: Any = error.response  # a response, or a bare dictionary that the SDK makes of an HTML page
    given = answer if isinstance(answer, dict) else getattr(answer, "data", None)
    data = given if isinstance(given, dict) else {}
    code, status = str(data.get("error") or ""), getattr(answer, "status_code", data.get("status", 200))
    if status == 429 or code in {"ratelimited", "rate_limited"}:
        after = str((getattr(answer, "headers", None) or {}).get("Retry-After", "1"))
        return Temporary("Slack asks to slow down", float(after) if after.isdigit() else 1.0)
    if not isinstance(status, int) or status >= 500 or code in _PASSING or not _CODE.fullmatch(code):
        return Temporary(f"Slack answered {status} {code[:60]}".strip(), acted=None)
    about = data.get("response_metadata")
    said = (about.get("messages") if isinstance(about, dict) else None) or data.get("errors") or []
    details = "; ".join(str(one) for one in said) if isinstance(said, list) else ""
    sentence = _SENTENCES.get(code, code.replace("_", " "))
    return Permanent(f"Slack: {sentence}" + (f" ({details})" if details else ""), code)
