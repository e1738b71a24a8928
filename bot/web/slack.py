"""POST /slack/events: Slack's requests in http mode. Nothing is parsed, answered or logged before the signature is
verified."""

from __future__ import annotations

import hashlib
import hmac
import re
import time

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response

from bot.web.http import Refusal, edge_of
from bot.web.signals import body_of

BODY_LIMIT = 1_048_576  # a view with its state can be long
TOLERANCE = 300  # seconds, from Slack's documentation
_STAMP = re.compile(r"[0-9]{1,12}")
_at_once = CapacityLimiter(64)  # separate threads: a slow store in other requests must not delay a press's ack


async def post_slack(request: Request) -> Response:
    """Passes one verified request to Bolt, whose dispatch is synchronous."""
    edge = edge_of(request)
    if edge.slack is None:
        raise Refusal(
            404, "the bot takes Slack's requests in socket mode; set WINDSOCK_SLACK__MODE=http for this address"
        )
    body = await body_of(request, BODY_LIMIT)
    verify(edge.slack_secret, request, body, time.time())
    status, headers, said = await to_thread.run_sync(edge.slack, body, dict(request.headers), limiter=_at_once)
    return Response(said, status, headers=dict(headers))


def verify(secret: str, request: Request, body: bytes, now: float) -> None:
    """Raises Refusal unless Slack signed this body within the last five minutes.
    https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    stamp = request.headers.get("x-slack-request-timestamp", "")
    if not _STAMP.fullmatch(stamp) or abs(now - int(stamp)) > TOLERANCE:
        raise Refusal(401, "X-Slack-Request-Timestamp: is missing, or more than five minutes off", Connection="close")
    right = "v0=" + hmac.new(secret.encode(), b"v0:%s:%s" % (stamp.encode(), body), hashlib.sha256).hexdigest()
    given = request.headers.get("x-slack-signature", "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), right.encode()):
        raise Refusal(401, "X-Slack-Signature: is missing or wrong", Connection="close")
