"""Opens modals at once and fills them when the answer is there.

A trigger expires after three seconds, so the modal opens before Airflow is asked. When two picks follow each other
quickly, the view's `hash` and the time of the pick keep the newer one; an update that lost the race is dropped.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookLonger
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from slack_bolt import Ack
from slack_sdk.web import WebClient

from bot.core.errors import Permanent
from bot.slack.api.client import called
from bot.slack.dialogs import dialogs
from bot.slack.text.block_kit import Block
from bot.slack.text.limits import fit_view

logger = logging.getLogger(__name__)
AT_ONCE = 1.5  # seconds that a submission waits for its answer before it says that it waits
REMEMBERED = 1_000
ARRIVES = 10  # looks, a fifth of a second apart, for a window that Slack is about to make


@dataclass(frozen=True, slots=True)
class Standing:
    """A window that says that it waits, and was not filled; `only_looks`: nothing was confirmed."""

    where: dict[str, str]
    only_looks: bool


_standing: ContextVar[Standing | None] = ContextVar("standing", default=None)


def standing() -> Standing | None:
    """The window that this thread left waiting; asked once, by the code that answers in its place."""
    left = _standing.get()
    _standing.set(None)
    return left


class Windows:
    """What is open, as far as this process has shown it. Thread-safe."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._latest: OrderedDict[str, tuple[float, str]] = OrderedDict()  # view → (the newest pick, the hash it has)
        self._lock = threading.Lock()
        self._turns = [threading.Lock() for _ in range(16)]  # a view is redrawn by one thread at a time
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="windows")

    def open(self, trigger_id: str, view: Block) -> str:
        """A new window; its id. Raises Temporary and Permanent."""
        return self._opened(self._client.views_open, trigger_id, view)

    def push(self, trigger_id: str, view: Block) -> str:
        """A window on top of the one that was pressed in."""
        return self._opened(self._client.views_push, trigger_id, view)

    def _opened(self, call: Callable[..., Any], trigger_id: str, view: Block) -> str:
        made = self._shown(call, trigger_id=trigger_id, view=fit_view(view))
        if view.get("callback_id") == "waiting" and made:
            _standing.set(Standing({"view_id": made}, only_looks=True))
        return made

    def picked(self, view_id: str, at: str) -> float:
        """Redraws after a pick; `redraw` gathers what it needs."""
        moment = _moment(at)
        with self._lock:
            newest, known = self._latest.get(view_id, (0.0, ""))
            self._remember(view_id, max(newest, moment), known)
        return moment

    def redraw(self, view_id: str, view: Block, moment: float, hash_seen: str) -> bool:
        """Shows the answer to a pick; False when a newer pick has overtaken it, or the window was closed."""
        with self._turns[hash(view_id) % len(self._turns)]:
            with self._lock:
                newest, known = self._latest.get(view_id, (0.0, ""))
            if moment < newest:
                return False
            made = self._updated(view_id, view, [hash_ for hash_ in dict.fromkeys((known, hash_seen)) if hash_])
            if made:
                with self._lock:
                    self._remember(view_id, max(moment, self._latest.get(view_id, (0.0, ""))[0]), made)
            return bool(made)

    def _updated(self, view_id: str, view: Block, hashes: list[str]) -> str:
        """The view's new hash, empty when it was not updated. The second hash is what the person saw: another process
        may have drawn that since we drew."""
        for hash_ in hashes:
            try:
                made = called(self._client.views_update, view_id=view_id, hash=hash_, view=fit_view(view))
                return str((made.get("view") or {}).get("hash", ""))
            except Permanent as error:
                logger.info("the window %s was not redrawn: %s", view_id, error.message)
                if error.code != "hash_conflict":
                    break
        return ""

    def fill(self, view: Block, *, view_id: str = "", external_id: str = "") -> None:
        """Shows the answer in a window that said it was waiting; one that was closed meanwhile stays closed."""
        where = {"view_id": view_id} if view_id else {"external_id": external_id}
        for _ in range(ARRIVES):
            try:
                called(self._client.views_update, view=fit_view(view), **where)
                _standing.set(None)
                return
            except Permanent as error:
                if view_id or error.code != "not_found":
                    logger.info("a window was not filled: %s", error.message)
                    return
            threading.Event().wait(0.2)  # Slack has not read our acknowledgement yet

    def answer(self, ack: Ack, title: str, draw: Callable[[], Block]) -> None:
        """Answers a submission in its own window: at once when that is quick, else first with a word and then filled."""
        drawing = self._pool.submit(contextvars.copy_context().run, draw)  # the audit goes on where we are
        try:
            ack(response_action="update", view=fit_view(drawing.result(AT_ONCE)))
        except TookLonger:
            name = f"w-{uuid.uuid4().hex}"
            ack(response_action="update", view=dialogs.waiting(title) | {"external_id": name})
            _standing.set(Standing({"external_id": name}, only_looks=title != "Confirm"))
            self.fill(drawing.result(), external_id=name)

    def _shown(self, call: Callable[..., Any], **arguments: Any) -> str:
        view = called(call, **arguments).get("view") or {}
        return str(view.get("id", ""))

    def _remember(self, view_id: str, moment: float, hash_: str) -> None:
        self._latest[view_id] = (moment, hash_)
        self._latest.move_to_end(view_id)
        while len(self._latest) > REMEMBERED:
            self._latest.popitem(last=False)


def _moment(at: str) -> float:
    try:
        return float(at)
    except ValueError:
        return 0.0
