"""Shows incidents in Slack channels: posts, edits, threads.

Hard case: a crash or a lost answer between "Slack said ok" and our record. The alert is marked `posting`; before it is posted
again its metadata is looked for in the channel, so nobody sees it twice. Rule: `text`, `blocks` and `attachments` go with
every edit, since Slack keeps what is not sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slack_sdk.web import WebClient

from bot.core.action import Remediation
from bot.core.alert import Alert
from bot.core.errors import Permanent, Temporary
from bot.core.incident import Entry
from bot.core.view import View
from bot.responder.catch_up import RINGING, Shown
from bot.slack import blocks
from bot.slack.calls import Bucket, Kept, Pace, called
from bot.slack.kit import Message
from bot.slack.limits import fit

EVENT_TYPE = "windsock_alert"
REFRESH_RESERVE = 3.0  # edits that a refresh leaves for people's presses
LOOK_BACK = 100  # messages read when a post's answer was lost


class Poster:
    """One Slack workspace."""

    def __init__(self, client: WebClient, kept: Kept | None = None) -> None:
        self._client = client
        self._pace = Pace(kept)

    def show(self, alert: Alert, seen: View) -> Shown:
        """Posts the incident, or edits its message to what it is now."""
        message = fit(blocks.alert(seen))
        if alert.ref:
            self._edit(alert.channel_id, alert.ref, message, reserve=0.0 if alert.urgent else REFRESH_RESERVE)
            self._broadcast(alert, seen)
            return Shown(alert.channel_id, alert.ref)
        if alert.posting:
            found = self._find(alert)
            if found is not None:
                self._edit(found.channel_id, found.ref, message)
                return found
        return self._post(alert, message)

    def tell(self, alert: Alert, seen: View, news: Sequence[Entry]) -> None:
        """Says new timeline entries in the message's thread, after the posts that are more urgent."""
        for message in blocks.thread(news, seen):
            self._say(alert.channel_id, fit(message), thread_ts=alert.ref, reserve=2.0)

    def announce(self, remediation: Remediation, channel: str, ref: str) -> tuple[str, str]:
        """Shows a change that no incident shows, in the channel where it was asked for."""
        message = fit(blocks.announcement(remediation))
        if ref:
            self._edit(channel, ref, message)
            return channel, ref
        answer = self._say(channel or remediation.plan.channel, message)
        return answer["channel"], answer["ts"]

    def _post(self, alert: Alert, message: Message) -> Shown:
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"alert": alert.id, "incident": alert.incident_id}}
        answer = self._say(alert.channel_id or alert.place.target, message, metadata=metadata)
        self._pace.alias(answer["channel"], alert.channel_id or alert.place.target)
        return Shown(answer["channel"], answer["ts"])

    def _say(self, channel: str, message: Message, *, reserve: float = 0.0, **more: Any) -> dict[str, Any]:
        bucket = self._pace.posts(channel)
        bucket.take(reserve)
        return self._paced(bucket, self._client.chat_postMessage, channel=channel, unfurl_links=False,
                           unfurl_media=False, **message, **more)  # fmt: skip

    def _edit(self, channel: str, ts: str, message: Message, *, reserve: float = 0.0) -> None:
        self._pace.edits.take(reserve)
        self._paced(self._pace.edits, self._client.chat_update, channel=channel, ts=ts, **message)

    def _broadcast(self, alert: Alert, seen: View) -> None:
        """An edit rings nobody: what must be noticed is one short reply, sent to the channel as well."""
        fresh = any(entry.id > alert.told for entry in seen.timeline if entry.what in RINGING)
        message = blocks.broadcast(seen) if fresh else None
        if message is not None:
            self._say(alert.channel_id, fit(message), thread_ts=alert.ref, reply_broadcast=True)

    def _find(self, alert: Alert) -> Shown | None:
        """The message that an earlier try may have left behind."""
        channel = alert.channel_id or self._channel_id(alert.place.target)
        answer = called(self._client.conversations_history, channel=channel, limit=LOOK_BACK, include_all_metadata=True)
        for message in answer.get("messages", []):
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            if metadata.get("event_type") == EVENT_TYPE and payload.get("alert") == alert.id:
                return Shown(channel, message["ts"])
        return None

    def _channel_id(self, name: str) -> str:
        """Only ever asked after a lost answer: channels are not enumerated otherwise."""
        wanted, cursor = name.lstrip("#"), ""
        while True:
            answer = called(self._client.conversations_list, limit=200, cursor=cursor, exclude_archived=False,
                            types="public_channel,private_channel")  # fmt: skip
            for channel in answer.get("channels", []):
                if wanted in {channel.get("id"), channel.get("name")}:
                    return str(channel["id"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                raise Permanent("Slack: the channel does not exist, or the bot cannot see it", "channel_not_found")

    def _paced(self, bucket: Bucket, call: Any, **arguments: Any) -> dict[str, Any]:
        """A call whose token was taken. What is left is written down first: a crash must not give a new burst."""
        self._pace.keep()
        try:
            return called(call, **arguments)
        except Temporary as error:
            if error.retry_after:
                bucket.empty(error.retry_after)
                self._pace.keep()
            raise
