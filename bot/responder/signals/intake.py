"""The single writer takes submissions from any thread, and commits all that have queued up at once (group commit).

A submission is answered only after the commit that holds it; the observer works out later what it means. If the writer
or the observer is behind, submissions are refused with a time to retry, before memory grows.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.core.errors import Permanent, Temporary
from bot.core.signals.signal import Signal
from bot.responder.services import Services
from bot.responder.signals.observer import Observer
from bot.store.signals import signals
from bot.store.signals.signal_rows import SignalRow, row_of

logger = logging.getLogger(__name__)
BATCH = 2_000  # signals per commit
BACKLOG = 20_000  # signals that may wait for their commit
BACKLOG_CHARACTERS = 64_000_000  # in their bodies; a large signal has 100,000
STUCK_SECONDS = 5.0  # a commit that takes longer waits for a lock or a disk, and so would the next one
UNOBSERVED = 200_000  # signals that may be stored but not observed yet
OBSERVED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """One submission's result: how many signals were new, and how many were known. All of them have been observed once
    everything up to the id `upto` has been."""

    accepted: int
    duplicates: int
    upto: int = field(default=0, compare=False)


@dataclass(slots=True)
class _Submission:
    told: Sequence[SignalRow]
    answer: Callable[[Receipt | Temporary | Permanent], object]


class Intake:
    """`submit` can be called from any thread; one thread writes, and one observes."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._waiting: queue.SimpleQueue[_Submission | None] = queue.SimpleQueue()
        self._backlog = self._characters = 0
        self._ended = False
        self._began: float | None = None  # when the current commit began
        self.trouble = ""  # why the last commit failed
        self._lock = threading.Lock()
        self.observer = Observer(services)
        self.thread = threading.Thread(target=self._run, name="intake", daemon=True)

    def start(self) -> None:
        self.thread.start()
        self.observer.start()

    def stop(self) -> None:
        """Commits what has been submitted, then ends. Signals not observed in time are observed at the next start."""
        self._waiting.put(None)
        self.thread.join(timeout=10)
        self.observer.stop()

    def submit(self, signals: Sequence[Signal], answer: Callable[[Receipt | Temporary | Permanent], object]) -> None:
        """Queues a submission; `answer` is called in the writer's thread. Raises Temporary if it can't be taken now."""
        told = [row_of(signal) for signal in signals]
        characters = sum(len(one.body or "") for one in told)
        began = self._began
        with self._lock:
            if self._ended:
                raise Temporary("the writer has ended; send this again when it is back", retry_after=5)
            if began is not None and time.monotonic() - began > STUCK_SECONDS:
                raise Temporary("the store is locked or slow; send this again in a moment", retry_after=5)
            if self._backlog + len(told) > BACKLOG or self._characters + characters > BACKLOG_CHARACTERS:
                raise Temporary("the writer is behind; send this again in a moment", retry_after=2)
            if self.observer.behind > UNOBSERVED:
                raise Temporary("the observer is behind; send this again in a while", retry_after=10)
            self._backlog += len(told)
            self._characters += characters
            self._waiting.put(_Submission(told, answer))

    def take(self, told: Sequence[Signal]) -> Receipt:
        """Submits, then waits for the commit and the observation, for sweeps and other threads that look at incidents
        next. Raises Temporary; `acted` is True if the signals are stored but not observed in time."""
        done = threading.Event()
        answers: list[Receipt | Temporary | Permanent] = []

        def answer(given: Receipt | Temporary | Permanent) -> None:
            answers.append(given)
            done.set()

        self.submit(told, answer)
        if not done.wait(timeout=30):
            raise Temporary("the writer did not answer within 30 s", retry_after=2, acted=None)
        if not isinstance(answers[0], Receipt):
            raise answers[0]
        if not self.observer.reached(answers[0].upto, OBSERVED_SECONDS):
            raise Temporary(f"stored, and not observed within {OBSERVED_SECONDS:.0f} s", retry_after=2, acted=True)
        return answers[0]

    def _run(self) -> None:
        batch: list[_Submission] = []
        running = True
        try:
            while running:
                batch, running = self._gather()
                if batch:
                    self._commit(batch)
                batch = []
        finally:
            self._end(batch)

    def _end(self, unanswered: list[_Submission]) -> None:
        """Answers every waiting caller when the writer ends, for whatever reason."""
        with self._lock:
            self._ended = True
        with contextlib.suppress(queue.Empty):
            while True:
                left = self._waiting.get_nowait()
                if left is not None:
                    unanswered.append(left)
        self._answer_all(unanswered, Temporary("the writer has ended; send this again when it is back", retry_after=5))

    def _gather(self) -> tuple[list[_Submission], bool]:
        first = self._waiting.get()
        batch, size = [], 0
        while first is not None:
            batch.append(first)
            size += len(first.told)
            if size >= BATCH:
                return batch, True
            try:
                first = self._waiting.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _commit(self, batch: list[_Submission]) -> None:
        told = [one for submission in batch for one in submission.told]
        self._began = time.monotonic()
        try:
            with self._services.store.taking() as t:
                news = signals.take(t, told, self._services.clock())
                upto = signals.newest(t)
        except (Temporary, Permanent) as error:
            self.trouble = error.message
            if isinstance(error, Permanent) and len(batch) > 1:  # perhaps only one submission is at fault
                self._one_by_one(batch)
                return
            self._done(told)
            self._answer_all(batch, error)
            return
        except Exception:  # the writer must not stop: one bad signal must not block the others
            logger.exception("a batch of %d signals could not be taken", len(told))
            self._one_by_one(batch)
            return
        finally:
            self._began = None
        self.trouble = ""
        self._done(told)
        self.observer.wake(upto)
        start = 0
        for submission in batch:
            end = start + len(submission.told)
            accepted = sum(news[start:end])
            submission.answer(Receipt(accepted, end - start - accepted, upto))
            start = end

    def _done(self, told: Sequence[SignalRow]) -> None:
        with self._lock:
            self._backlog -= len(told)
            self._characters -= sum(len(one.body or "") for one in told)

    def _one_by_one(self, batch: list[_Submission]) -> None:
        """Commits each submission of a failed batch separately, so that only the one at fault is refused."""
        if len(batch) > 1:
            for submission in batch:
                self._commit([submission])
            return
        self._done(batch[0].told)
        self._answer_all(batch, Temporary("the bot failed on this signal; its log has the details", retry_after=60))

    @staticmethod
    def _answer_all(batch: Sequence[_Submission], error: Temporary | Permanent) -> None:
        for submission in batch:
            submission.answer(error)
