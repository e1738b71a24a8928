"""Keeps the App Home of recent visitors up to date.

During a storm a Home is published at most a few times a minute, and always with its latest state. If an Airflow hangs,
Home is shown first without it, and again once the answer is known. A Home that would look the same isn't published
again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from slack_bolt import App
from slack_sdk.web import WebClient

from bot.core.errors import Permanent, Temporary
from bot.responder.lookups import home as homes
from bot.responder.services import Services
from bot.slack.api.client import called
from bot.slack.api.pace import Bucket
from bot.slack.api.people import People
from bot.slack.home import page as drawing
from bot.slack.text.block_kit import Block

logger = logging.getLogger(__name__)
EVERY = 5.0  # seconds between two checks whether a Home has changed
LATELY = 30 * 60.0
MOST_PEOPLE = 200
A_MINUTE = 6  # how often one person's Home is published per minute
BEATS_KEPT = 60.0


@dataclass
class _Open:
    """A person who opened their Home recently. `turn` serialises publishing, so that an older view can't replace a
    newer one."""

    at: float
    shown: str = ""
    published: deque[float] = field(default_factory=lambda: deque(maxlen=A_MINUTE))
    turn: threading.Lock = field(default_factory=threading.Lock)


class Homes:
    """Publishes App Homes. Thread-safe. The state is lost with the process; opening a Home publishes it again."""

    def __init__(
        self, services: Services, people: People, client: WebClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._services, self._people, self._client, self._clock = services, people, client, clock
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._beats: tuple[float, Sequence[homes.DeploymentHealth]] = (-BEATS_KEPT, ())
        self._bucket = Bucket(20, 1.0)
        self._lock = threading.Lock()

    def register(self, app: App) -> None:
        app.event("app_home_opened")(self.on_opened)

    def on_opened(self, event: Mapping[str, Any]) -> None:
        if event.get("tab", "home") != "home":
            return
        user_id = str(event["user"])
        with self._lock:
            opened = self._open.setdefault(user_id, _Open(0.0))
            opened.at, opened.shown = self._clock(), ""
            self._open.move_to_end(user_id)
            while len(self._open) > MOST_PEOPLE:
                self._open.popitem(last=False)
        self._publish(user_id, opened)
        if self._look_at_airflow():
            self._publish(user_id, opened)

    def refresh(self, user_id: str) -> None:
        """Shows the result of a press at once."""
        if opened := self._open.get(user_id):
            self._publish(user_id, opened)

    def round(self) -> None:
        """Publishes every Home that has changed."""
        now = self._clock()
        with self._lock:
            lately = {user_id: one for user_id, one in self._open.items() if now - one.at < LATELY}
            self._open = OrderedDict(lately)
        if not lately:
            return
        self._look_at_airflow()
        seen = homes.everything(self._services)
        for user_id, opened in lately.items():
            self._publish(user_id, opened, seen)

    def _publish(self, user_id: str, opened: _Open, seen: homes.Everything | None = None) -> None:
        """Publishes a person's Home if it has changed and the limit per minute is not reached; otherwise the next round
        does."""
        with opened.turn:
            now = self._clock()
            if len(opened.published) == A_MINUTE and now - opened.published[0] < 60:
                return
            person = self._people.person(user_id)
            if person.barred or person.unknown:
                logger.info("the Home of %s is not shown: %s", user_id, person.barred or person.unknown)
                return
            view = drawing.draw(
                homes.home(self._services, person, seen or homes.everything(self._services)), self._beats[1]
            )
            if (look := _look(view)) == opened.shown:
                return
            try:
                self._bucket.take()
                called(self._client.views_publish, user_id=user_id, view=view)
            except (Temporary, Permanent) as error:
                logger.info("the Home of %s is shown later: %s", user_id, error.message)
                return
            opened.shown = look
            opened.published.append(now)

    def _look_at_airflow(self) -> bool:
        """Asks for the deployments' health if the last answer is older than 60 s; True if it has changed."""
        with self._lock:
            asked_at, known = self._beats
            if self._clock() - asked_at < BEATS_KEPT or not self._services.airflows:
                return False
            self._beats = (self._clock(), known)  # so that concurrent callers don't ask as well
        found = homes.beats(self._services)
        self._beats = (self._clock(), found)
        return list(known) != found


def _look(view: Block) -> str:
    """A digest of what a Home shows, without its last line, which has the time of the check."""
    return hashlib.sha256(json.dumps(view["blocks"][:-1], sort_keys=True).encode()).hexdigest()
