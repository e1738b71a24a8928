"""Opens modals at once and fills them when the answer is known.

A trigger expires after three seconds, so the modal opens before Airflow is asked. If two picks follow each other
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
AT_ONCE = 1.5  # seconds that a submission waits for its answer before a waiting modal is shown
REMEMBERED = 1_000
ARRIVES = 10  # attempts, a fifth of a second apart, to update a modal that Slack is about to create


@dataclass(frozen=True, slots=True)
class Standing:
    """A waiting modal that was not filled; `only_looks` means that nothing was confirmed."""

    where: dict[str, str]
    only_looks: bool


_standing: ContextVar[Standing | None] = ContextVar("standing", default=None)


def standing() -> Standing | None:
    """The waiting modal that this thread left unfilled, once: it is then forgotten. The error handler answers in it."""
    left = _standing.get()
    _standing.set(None)
    return left


class Windows:
    """Opens and updates modals, and remembers the ones that this process has drawn. Thread-safe."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._latest: OrderedDict[str, tuple[float, str]] = OrderedDict()  # view → (its newest pick, its hash)
        self._lock = threading.Lock()
        self._turns = [threading.Lock() for _ in range(16)]  # only one thread at a time redraws a view
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="windows")

    def open(self, trigger_id: str, view: Block) -> str:
        """Opens a new modal and returns its id. Raises Temporary and Permanent."""
        return self._opened(self._client.views_open, trigger_id, view)

    def push(self, trigger_id: str, view: Block) -> str:
        """Opens a modal on top of the current one and returns its id. Raises Temporary and Permanent."""
        return self._opened(self._client.views_push, trigger_id, view)

    def _opened(self, call: Callable[..., Any], trigger_id: str, view: Block) -> str:
        made = self._shown(call, trigger_id=trigger_id, view=fit_view(view))
        if view.get("callback_id") == "waiting" and made:
            _standing.set(Standing({"view_id": made}, only_looks=True))
        return made

    def picked(self, view_id: str, at: str) -> float:
        """Records a pick and returns its time, for `redraw`."""
        moment = _moment(at)
        with self._lock:
            newest, known = self._latest.get(view_id, (0.0, ""))
            self._remember(view_id, max(newest, moment), known)
        return moment

    def redraw(self, view_id: str, view: Block, moment: float, hash_seen: str) -> bool:
        """Shows the answer to a pick; False if a newer pick has overtaken it, or the modal was closed."""
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
        """Updates the view and returns its new hash, empty if it was not updated. The second hash is the one that the
        person saw, because another process may have drawn the view since."""
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
        """Shows the answer in a waiting modal; one that was closed meanwhile stays closed."""
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
            threading.Event().wait(0.2)  # Slack has not processed the ack yet

    def answer(self, ack: Ack, title: str, draw: Callable[[], Block]) -> None:
        """Answers a submission in its own modal: at once if the answer takes at most 1.5 s, otherwise with a waiting
        modal that is filled later."""
        drawing = self._pool.submit(contextvars.copy_context().run, draw)  # with this request's audit context
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
