"""Calls to Slack: one client, one table of errors, one pace.

Hard case: the SDK's own retry repeats a post whose answer was lost; it is off, and such a post is `Temporary(acted=None)`.
Rule: Slack is never asked faster than it allows: one post a second a channel with a small burst, edits well under its
fifty a minute, so that a 429 is the exception and not the brake.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.error import URLError

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import WebClient

from bot.core.errors import Paced, Permanent, Temporary

TIMEOUT = 10
POST_BURST = 4
POSTS_PER_SECOND = 1.0
EDIT_BURST = 8
EDITS_PER_SECOND = 42 / 60
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
    "restricted_action": "a workspace setting keeps the bot from posting there",
}


def client(token: str, api_url: str) -> WebClient:
    """A client that never tries again by itself."""
    return WebClient(token=token, base_url=api_url, timeout=TIMEOUT, retry_handlers=[])


def called(call: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """One call's answer. Raises Temporary or Permanent, and nothing else that Slack or the network can cause."""
    try:
        answer = call(**arguments)
    except SlackApiError as error:
        raise _refused(error) from error
    except URLError as error:
        # refused or not found: it never got there; anything else may have
        never = isinstance(error.reason, ConnectionRefusedError | OSError) and not isinstance(
            error.reason, TimeoutError
        )
        raise Temporary(f"Slack does not answer: {error.reason}", acted=False if never else None) from error
    except (SlackClientError, http.client.HTTPException, TimeoutError, OSError, ValueError) as error:
        raise Temporary(f"Slack's answer was lost: {error}", acted=None) from error
    data: dict[str, Any] = answer.data
    return data


def _refused(error: SlackApiError) -> Temporary | Permanent:
    answer: Any = error.response
    data = answer.data if isinstance(answer.data, dict) else {}
    code = str(data.get("error", ""))
    if answer.status_code == 429 or code in {"ratelimited", "rate_limited"}:
        after = str(answer.headers.get("Retry-After", "1"))
        return Temporary("Slack asks to slow down", float(after) if after.isdigit() else 1.0)
    if answer.status_code >= 500 or code in _PASSING or not code:
        return Temporary(f"Slack answered {answer.status_code} {code}".strip(), acted=None)
    details = "; ".join((data.get("response_metadata") or {}).get("messages") or data.get("errors") or [])
    sentence = _SENTENCES.get(code, code.replace("_", " "))
    return Permanent(f"Slack: {sentence}" + (f" ({details})" if details else ""), code)


class Bucket:
    """Tokens that come back at a steady rate. Thread-safe; the clock is monotonic seconds."""

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._rate, self._clock = burst, per_second, clock
        self._tokens, self._at = burst, clock()
        self._lock = threading.Lock()

    def take(self, reserve: float = 0.0) -> None:
        """Takes one token and leaves `reserve` for what is more urgent. Raises Paced with the seconds to wait."""
        with self._lock:
            self._refill()
            missing = 1.0 + reserve - self._tokens
            if missing > 0:
                raise Paced("our own pace", retry_after=missing / self._rate)
            self._tokens -= 1.0

    def empty(self, seconds: float) -> None:
        """The other side asked to slow down: nothing for that long."""
        with self._lock:
            self._refill()
            self._tokens = min(self._tokens, 1.0 - seconds * self._rate)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now


class Pace:
    """A bucket for each channel's posts, and one for all edits."""

    def __init__(self) -> None:
        self._posts: dict[str, Bucket] = {}
        self.edits = Bucket(EDIT_BURST, EDITS_PER_SECOND)

    def posts(self, channel: str) -> Bucket:
        return self._posts.setdefault(channel, Bucket(POST_BURST, POSTS_PER_SECOND))
