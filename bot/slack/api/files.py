"""Uploads a text that is too long for a message as a file into a thread: all subjects of a storm, a whole log.

The text is redacted first. If the answer is lost after Slack has shared the file, the error is `Temporary(acted=None)`.
The file says what was left out.
"""

from __future__ import annotations

import re

import httpx
from slack_sdk.web import WebClient

from bot.core.errors import Permanent, Temporary
from bot.core.redaction import redact
from bot.slack.api.client import called
from bot.slack.text.words import plain, visible

MOST_BYTES = 5_000_000  # some 40,000 failures; Slack shows a part of it and offers all of it for download
UPLOAD_SECONDS = 30
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_ROOM = 100  # bytes for the line about omitted lines


def upload(
    client: WebClient, channel_id: str, thread_ts: str, name: str, text: str, title: str, *, keep_end: bool = False
) -> str:
    """Shares `text` as the file `name` in a thread; returns its permalink ("" if Slack names none). A text longer than
    MOST_BYTES is cut at the end of a line: its start is kept, or its end. Raises Temporary or Permanent; only if the
    answer to the last step is lost, it is unknown (`acted` None) whether the file is there."""
    data = within(whole(text) or "(empty)\n", keep_end=keep_end).encode()
    name = _NO_NAME.sub("-", name).strip("-.")[:100] or "windsock.txt"
    place = _not_yet(client, name, len(data))
    _send(place["upload_url"], data)
    answer = called(client.files_completeUploadExternal, channel_id=channel_id, thread_ts=thread_ts,
                    files=[{"id": place["file_id"], "title": plain(title, 150) or name}])  # fmt: skip
    return str(next(iter(answer.get("files") or [{}])).get("permalink") or "")


def _not_yet(client: WebClient, name: str, length: int) -> dict[str, str]:
    """Requests an address for the upload. Nothing is visible yet, so a lost answer does no harm."""
    try:
        answer = called(client.files_getUploadURLExternal, filename=name, length=length)
    except Temporary as error:
        raise Temporary(error.message, error.retry_after, acted=False) from error
    return {key: str(answer[key]) for key in ("upload_url", "file_id")}


def _send(url: str, data: bytes) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    try:
        answer = httpx.post(url, content=data, timeout=UPLOAD_SECONDS, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise Temporary(f"Slack did not take the file: {error}") from error
    if answer.status_code in {408, 429} or answer.status_code >= 500:
        after = answer.headers.get("Retry-After", "")
        seconds = float(after) if after.isdigit() else None
        raise Temporary(f"Slack did not take the file: it answered {answer.status_code}", seconds)
    if not answer.is_success:
        raise Permanent(f"Slack refused the file: it answered {answer.status_code}", str(answer.status_code))


def whole(text: str) -> str:
    """The text without secrets and invisible characters, at any length."""
    return redact(visible(text))


def within(text: str, *, keep_end: bool = False) -> str:
    """At most MOST_BYTES of the text in whole lines, and a line that says how many were left out."""
    if len(text.encode()) <= MOST_BYTES:
        return text
    lines = text.splitlines(keepends=True)
    kept, room = list[str](), MOST_BYTES - _ROOM
    for line in reversed(lines) if keep_end else lines:
        room -= len(line.encode())
        if room < 0:
            break
        kept.append(line)
    said = f"… {len(lines) - len(kept)} of {len(lines)} lines are left out\n"
    return "".join([said, *reversed(kept)]) if keep_end else "".join([*kept, said])
