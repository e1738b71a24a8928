"""Calls to Slack: one client, one table of errors, one pace.

Hard case: the SDK's own retry repeats a post whose answer was lost; it is off, and such a post is `Temporary(acted=None)`.
Rule: Slack is never asked faster than it allows: one post a second a channel with a small burst, edits well under its
fifty a minute, so that a 429 is the exception and not the brake.
"""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from urllib.error import URLError

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import WebClient

from bot.core.errors import Paced, Permanent, Temporary

TIMEOUT = 10
POST_BURST = 4
POSTS_PER_SECOND = 1.0
EDIT_BURST = 8
EDITS_PER_SECOND = 42 / 60
LATE_ACT = 5.0  # seconds until a call that took too long is taken to have acted, or not
_NEVER_THERE = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
_CODE = re.compile(r"[a-z][a-z0-9_.:-]{1,60}")  # Slack's own words; the SDK puts sentences there too
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
    """A client that never tries again by itself."""
    return WebClient(token=token, base_url=api_url, timeout=TIMEOUT, retry_handlers=[])


def called(call: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """One call's answer. Raises Temporary or Permanent, and nothing else that Slack or the network can cause."""
    try:
        answer = call(**arguments)
    except SlackApiError as error:
        raise _refused(error) from error
    except URLError as error:
        raise _lost(f"Slack does not answer: {error.reason}", error.reason) from error
    except (SlackClientError, http.client.HTTPException, TimeoutError, OSError, ValueError) as error:
        raise _lost(f"Slack's answer was lost: {error}", error) from error
    except (AttributeError, TypeError, KeyError) as error:  # the SDK reads an answer that is no object
        raise Temporary("Slack's answer cannot be read", acted=None) from error
    data: Any = getattr(answer, "data", None)
    if not isinstance(data, dict):
        raise Temporary("Slack's answer is no object", acted=None)
    return data


def _lost(said: str, reason: object) -> Temporary:
    """What was refused, not found or not reached was certainly not done; anything else may have been. What took too long may
    even be done later, so it is not looked for at once."""
    if isinstance(reason, _NEVER_THERE) or getattr(reason, "errno", None) in _NO_WAY:
        return Temporary(said, acted=False)
    return Temporary(said, LATE_ACT if isinstance(reason, TimeoutError) else None, acted=None)


def _refused(error: SlackApiError) -> Temporary | Permanent:
    answer: Any = error.response  # a response, or what the SDK makes of a page: a bare dictionary
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


class Bucket:
    """Tokens that come back at a steady rate. Thread-safe; the clock is seconds since 1970, so that what is left survives a
    restart."""

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float] = time.time) -> None:
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

    def left(self) -> list[float]:
        """What is left, and when: for `restore` after a restart."""
        with self._lock:
            return [self._tokens, self._at]

    def restore(self, left: Sequence[float]) -> None:
        """Goes on from what was left; a clock that went back gives nothing."""
        with self._lock:
            tokens, at = float(left[0]), float(left[1])
            self._tokens = min(self._burst, tokens + max(0.0, self._clock() - at) * self._rate)
            self._at = self._clock()

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now


class Kept(Protocol):
    """Where small values survive a restart."""

    def get(self, key: str) -> dict[str, Any] | None: ...

    def put(self, key: str, value: dict[str, Any]) -> None: ...


class Pace:
    """A bucket for each channel's posts, and one for all edits, kept over a restart."""

    def __init__(self, kept: Kept | None = None, clock: Callable[[], float] = time.time) -> None:
        self._posts: dict[str, Bucket] = {}
        self._kept, self._clock = kept, clock
        self.edits = self._bucket("edits", EDIT_BURST, EDITS_PER_SECOND)

    def posts(self, channel: str) -> Bucket:
        if channel not in self._posts:
            self._posts[channel] = self._bucket(f"posts/{channel}", POST_BURST, POSTS_PER_SECOND)
        return self._posts[channel]

    def alias(self, channel_id: str, name: str) -> None:
        """A channel has an id and a name, and one pace."""
        self._posts[channel_id] = self.posts(name)

    def keep(self) -> None:
        """Writes down what is left of every bucket."""
        if self._kept is not None:
            posts = {name: bucket.left() for name, bucket in self._posts.items()}
            self._kept.put(
                "pace", {"edits": self.edits.left(), **{f"posts/{name}": left for name, left in posts.items()}}
            )

    def _bucket(self, name: str, burst: float, per_second: float) -> Bucket:
        bucket = Bucket(burst, per_second, self._clock)
        left = (self._kept.get("pace") or {}).get(name) if self._kept is not None else None
        if left:
            bucket.restore(left)
        return bucket
