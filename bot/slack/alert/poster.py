"""Posts and edits incidents in Slack channels, and their threads.

An alert is marked (`posting`, `telling_at`) before the call, and posts carry metadata; after a crash or a lost answer
it is looked up before it is posted again, so it never appears twice. `text`, `blocks` and `attachments` are sent with
every edit, because Slack keeps fields that are not sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from slack_sdk.web import WebClient

from bot.core.errors import Permanent, Temporary
from bot.core.incidents.alert import Alert, Lane, lane
from bot.core.incidents.incident import Entry
from bot.core.incidents.view import View
from bot.core.remediation import Remediation
from bot.responder.alerts.delivery import Shown
from bot.responder.alerts.threads import Said
from bot.slack.alert import message as alert_message
from bot.slack.alert import thread as thread_lines
from bot.slack.api.client import called
from bot.slack.api.pace import Bucket, Kept, Pace
from bot.slack.text.block_kit import Message
from bot.slack.text.limits import fit

EVENT_TYPE = "windsock_alert"
LINE_TYPE = "windsock_line"
ACT_TYPE = "windsock_act"
NOTICE_TYPE = "windsock_notice"
RESERVE = {Lane.press: 0.0, Lane.change: 1.0, Lane.growth: 2.5}  # edits that are left for more urgent messages
LINE_RESERVE = 2.0  # posts that thread lines leave for new alerts
LOOK_BACK = timedelta(minutes=5)  # allowed difference between Slack's clock and the bot's
PAGE, MOST_PAGES = 200, 25  # messages read per page, and pages, to find a post whose answer was lost
JOIN_AGAIN = 600.0  # seconds before joining a channel is tried again


class Poster:
    """Posts to one Slack workspace."""

    def __init__(self, client: WebClient, kept: Kept | None = None) -> None:
        self._client = client
        self._pace = Pace(kept)
        self._not_joined: dict[str, float] = {}
        self._noticed: set[str] = set()  # keys of notices whose post was begun

    def show(self, alert: Alert, seen: View) -> Shown:
        """Posts the incident, or edits its message to its current state."""
        message = fit(alert_message.alert(seen))
        if alert.ref:
            self._edit(alert.channel_id, alert.ref, message, reserve=RESERVE[lane(alert)[0]])
            return Shown(alert.channel_id, alert.ref)
        if alert.posting:
            found = self._find(alert)
            if found is not None:
                self._edit(found.channel_id, found.ref, message)
                return found
        return self._post(alert, message)

    def say(self, alert: Alert, seen: View, news: Sequence[Entry]) -> None:
        """Posts new timeline entries in the message's thread, after more urgent posts."""
        for message in thread_lines.thread(news, seen):
            self._say(alert.channel_id, fit(message), thread_ts=alert.ref, reserve=LINE_RESERVE,
                      metadata=_marked(LINE_TYPE, alert=alert.id, entry=news[-1].id, rung=False))  # fmt: skip

    def ring(self, alert: Alert, seen: View, entry: Entry) -> None:
        """Posts one short reply that is sent to the channel as well, because an edit notifies no one."""
        message = thread_lines.broadcast(seen)
        if message is not None:
            self._say(alert.channel_id, fit(message), thread_ts=alert.ref, reply_broadcast=True,
                      metadata=_marked(LINE_TYPE, alert=alert.id, entry=entry.id, rung=True))  # fmt: skip

    def said(self, alert: Alert, since: datetime) -> Said:
        """The last entries that the bot posted in the thread since then."""
        told, rung = [0], [0]
        read = self._client.conversations_replies
        for payload, _ in self._marks(LINE_TYPE, read, channel=alert.channel_id, ts=alert.ref, oldest=_ts(since)):
            if payload.get("alert") == alert.id:
                (rung if payload.get("rung") else told).append(int(payload.get("entry", 0)))
        return Said(max(told), max(rung))

    def announce(
        self, remediation: Remediation, channel: str, ref: str, where: str = "", *, posting: bool = False
    ) -> tuple[str, str]:
        """Shows a remediation without an incident in the channel where it was requested. With `posting`, an earlier
        attempt may have posted its message already."""
        message, target = fit(thread_lines.announcement(remediation, where)), channel or remediation.plan.channel
        if not ref and posting:
            channel, ref = target, self._announcement(remediation, target)
        if ref:
            self._edit(channel, ref, message)
            return channel, ref
        metadata = _marked(ACT_TYPE, remediation=remediation.id)
        answer = self._say(target, message, metadata=metadata)
        return answer["channel"], answer["ts"]

    def _announcement(self, remediation: Remediation, channel: str) -> str:
        read, since = self._client.conversations_history, remediation.asked_at - LOOK_BACK
        marks = self._marks(ACT_TYPE, read, channel=channel, oldest=_ts(since))
        return next((ts for payload, ts in marks if payload.get("remediation") == remediation.id), "")

    def notice(
        self, key: str, message: Message, channel: str, ref: str = "", *, thread: str = "", begun: bool = False
    ) -> tuple[str, str]:
        """Posts or edits a message that isn't an alert; in a thread it is sent to the channel as well. A message whose
        answer was lost, or that an earlier process had `begun`, is looked up by its key."""
        if not ref and (begun or key in self._noticed):
            channel, ref = self._noticed_at(key, channel, thread)
        if ref:
            self._edit(channel, ref, fit(message))
            return channel, ref
        more: dict[str, Any] = {"thread_ts": thread, "reply_broadcast": True} if thread else {}
        metadata = {"event_type": NOTICE_TYPE, "event_payload": {"key": key}}
        answer = self._say(channel, fit(message), metadata=metadata, begun=lambda: self._noticed.add(key), **more)
        return answer["channel"], answer["ts"]

    def _noticed_at(self, key: str, channel: str, thread: str) -> tuple[str, str]:
        channel = channel if channel[:1] in {"C", "G", "D"} else self._channel_id(channel)
        where = {"channel": channel, "ts": thread} if thread else {"channel": channel}
        read = self._client.conversations_replies if thread else self._client.conversations_history
        marks = self._marks(NOTICE_TYPE, read, **where)
        return channel, next((ts for payload, ts in marks if payload.get("key") == key), "")

    def _post(self, alert: Alert, message: Message) -> Shown:
        metadata = _marked(EVENT_TYPE, alert=alert.id, incident=alert.incident_id)
        answer = self._say(alert.channel_id or alert.place.target, message, metadata=metadata)
        self._pace.alias(answer["channel"], alert.channel_id or alert.place.target)
        return Shown(answer["channel"], answer["ts"])

    def _say(self, channel: str, message: Message, *, reserve: float = 0.0, begun: Callable[[], None] = lambda: None,
             **more: Any) -> dict[str, Any]:  # fmt: skip
        bucket = self._pace.posts(channel)
        sent = {"channel": channel, "unfurl_links": False, "unfurl_media": False, **message, **more}
        bucket.take(reserve)
        begun()
        try:
            return self._paced(bucket, self._client.chat_postMessage, **sent)
        except Permanent as error:
            if error.code != "not_in_channel" or not self._joined(channel):
                raise
        bucket.take()
        return self._paced(bucket, self._client.chat_postMessage, **sent)

    def _joined(self, channel: str) -> bool:
        """Joins a public channel; True on success. After a failure it is not tried again for ten minutes."""
        if time.monotonic() < self._not_joined.get(channel, 0.0):
            return False
        try:
            called(self._client.conversations_join, channel=self._channel_id(channel))
        except (Temporary, Permanent):
            self._not_joined[channel] = time.monotonic() + JOIN_AGAIN
            return False
        return True

    def _edit(self, channel: str, ts: str, message: Message, *, reserve: float = 0.0) -> None:
        self._pace.edits.take(reserve)
        self._paced(self._pace.edits, self._client.chat_update, channel=channel, ts=ts, **message)

    def _find(self, alert: Alert) -> Shown | None:
        """The message that an earlier attempt may have posted."""
        channel = alert.channel_id or self._channel_id(alert.place.target)
        since = {"oldest": _ts(alert.owed_at - LOOK_BACK)} if alert.owed_at is not None else {}
        marks = self._marks(EVENT_TYPE, self._client.conversations_history, channel=channel, **since)
        return next((Shown(channel, ts) for payload, ts in marks if payload.get("alert") == alert.id), None)

    def _marks(self, event_type: str, read: Callable[..., Any], **where: str) -> Iterator[tuple[dict[str, Any], str]]:
        """The bot's messages with this event type: (payload, ts), page by page."""
        cursor = ""
        for _ in range(MOST_PAGES):
            answer = called(read, limit=PAGE, include_all_metadata=True, cursor=cursor, **where)
            for message in answer.get("messages", []):
                metadata = message.get("metadata") or {}
                if metadata.get("event_type") == event_type:
                    yield metadata.get("event_payload") or {}, message["ts"]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def _channel_id(self, name: str) -> str:
        """The id of a channel. It is only needed after a lost answer, or to join; channels are not enumerated
        otherwise."""
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
        """Makes a call whose token was taken. The buckets are stored first, so that a crash doesn't allow a new
        burst."""
        self._pace.keep()
        try:
            return called(call, **arguments)
        except Temporary as error:
            if error.retry_after:
                bucket.empty(error.retry_after)
                self._pace.keep()
            raise


def _marked(event_type: str, **payload: int | bool) -> dict[str, Any]:
    return {"event_type": event_type, "event_payload": payload}


def _ts(moment: datetime) -> str:
    return f"{moment.timestamp():.6f}"
