"""The thread that observes stored signals; readers who need the result wait here.

If a batch fails, its signals are taken one by one, and the one that fails is set aside where people see it. In a storm
the observer pauses between batches, because people wait for the same interpreter and database. Signals that were stored
but not observed before a kill are found at the next start; only the mark in the store skips a signal, never an error.
"""

from __future__ import annotations

import logging
import threading
import time

from bot.core.errors import Crossed, Permanent, Temporary
from bot.responder.services import Services
from bot.responder.signals.observe import observe, observe_these
from bot.store.database import Store
from bot.store.signals import signals

logger = logging.getLogger(__name__)
BATCH = 150  # signals per transaction; a person who presses a button may have to wait for one
PAUSE = 0.2  # seconds at most, after a batch that was not full while more is coming in
GATHER = 10  # that pause is at most this many times the work's duration: even a small batch has a fixed cost
SHARE = 3  # after a full batch, the pause is this many times the work's duration
MANY = 100_000  # signals behind; from there on, observing goes first and that pause is a third of the work
IDLE_SECONDS = 1.0  # other replicas store signals too
RETRY_SECONDS = 0.5
LOOK_SECONDS = 0.02
CROSSED = 6  # times in a row that a conflict is attributed to another replica


def wait_for_others(store: Store, seconds: float) -> int:
    """Waits until the running bot has observed what is stored now. Returns how many signals are left after the time."""
    end = time.monotonic() + seconds
    with store.read() as t:
        wanted = signals.newest(t)
    while True:
        with store.read() as t:
            behind = max(0, wanted - signals.observed(t))
        if not behind or time.monotonic() > end:
            return behind
        time.sleep(LOOK_SECONDS)


class Observer:
    """Call `wake` after storing signals; `caught_up` waits until they have been observed."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._due = threading.Event()
        self._hurry = threading.Event()
        self._moved = threading.Condition()
        self._stopping = False
        self._upto = 0
        self._crossed = 0
        self.stored = 0  # up to which id we know that signals are stored
        self.trouble = ""
        self.thread = threading.Thread(target=self._run, name="observer", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def begin(self, upto: int) -> None:
        """Sets the id up to which signals had been observed when the bot started."""
        self._reach(upto)

    def stop(self, seconds: float = 5) -> None:
        """Observes what is stored, as far as time allows; the rest is observed at the next start."""
        if self.thread.ident is not None and not self.trouble:
            self.caught_up(seconds)
        self._stopping = True
        self._due.set()
        self._hurry.set()
        if self.thread.ident is not None:
            self.thread.join(timeout=10)

    def wake(self, stored: int) -> None:
        """Wakes the observer: signals are stored up to this id."""
        self.stored = max(self.stored, stored)
        self._due.set()

    def state(self) -> str:
        """What is wrong; empty when all is well."""
        if not self.thread.is_alive():
            return "the observer has ended: signals are kept and not shown"
        if self.trouble:
            return self.trouble
        try:
            with self._services.store.read() as t:
                aside = signals.aside(t)
        except (Temporary, Permanent) as error:
            return error.message
        return f"{aside} signals were set aside, since they could not be observed; the log says why" if aside else ""

    @property
    def upto(self) -> int:
        """The id up to which signals have been observed."""
        return self._upto

    @property
    def behind(self) -> int:
        """About how many signals are stored but not observed yet."""
        return max(0, self.stored - self._upto)

    def caught_up(self, seconds: float) -> bool:
        """Waits until everything stored now has been observed, by this or another replica; False if that takes longer.
        Raises Temporary or Permanent when the store cannot be read."""
        with self._services.store.read() as t:
            wanted = signals.newest(t)
        return self.reached(wanted, seconds)

    def reached(self, wanted: int, seconds: float) -> bool:
        """Waits until everything up to this id has been observed; False if that takes longer."""
        end = time.monotonic() + seconds
        while self._upto < wanted:
            self._hurry.set()
            self._due.set()
            with self._moved:
                self._moved.wait_for(lambda: self._upto >= wanted, LOOK_SECONDS)
            if self._upto < wanted and self._seen() < wanted and time.monotonic() > end:
                return False
        return True

    def _seen(self) -> int:
        """The id up to which the store says signals are observed; another replica may have been faster."""
        with self._services.store.read() as t:
            self._reach(signals.observed(t))
        return self._upto

    def _reach(self, upto: int) -> None:
        with self._moved:
            self._upto = max(self._upto, upto)
            self._moved.notify_all()

    def _run(self) -> None:
        while not self._stopping:
            self._due.clear()
            self._services.rounds["observer"] = self._services.monotonic()
            try:
                pause = self._round()
                self.trouble = ""
            except (Temporary, Permanent) as error:
                pause = self._failed(error.message)
            except Exception:  # the observer must not stop; what is stored stays stored
                logger.exception("the observer failed; tried again in %s s", RETRY_SECONDS)
                pause = self._failed("the observer failed; its log says how")
            if pause:
                self._hurry.wait(pause)
            self._hurry.clear()

    def _failed(self, why: str) -> float:
        if not self.trouble:
            logger.warning("signals are kept and not observed for now: %s", why)
        self.trouble = f"signals are kept and not observed: {why}"
        return RETRY_SECONDS

    def _round(self) -> float:
        """Observes one batch. Returns the seconds until the next one."""
        before, stored, begun = self._upto, self.stored, time.monotonic()
        try:
            upto = observe(self._services, BATCH)
            self._crossed = 0
        except Temporary as error:
            if not self._is_stuck(error):
                raise
            logger.warning("a batch crosses with itself, it is taken one by one: %s", error.message)
            upto = self._one_by_one()
        except Exception as error:  # one signal is at fault; the others must not wait for it
            logger.exception("a batch could not be observed, it is taken one by one: %s", error)
            upto = self._one_by_one()
        if not upto:
            self._seen()
            self._due.wait(IDLE_SECONDS)
            return 0.0
        self._reach(upto)
        if self.stored == stored:  # nothing more came in meanwhile
            return 0.0
        took = time.monotonic() - begun
        if upto - before < BATCH:
            return min(PAUSE, took * GATHER)
        return took * (SHARE if self.behind < MANY else 1 / SHARE)

    def _one_by_one(self) -> int:
        with self._services.store.read() as t:
            stored = signals.after(t, signals.observed(t), BATCH)
        for one in stored:
            try:
                observe_these(self._services, [one])
            except Temporary as error:
                if not self._is_stuck(error):
                    raise
                self._set_aside(one.id, error)
            except Exception as error:  # set aside below, where people see it
                logger.exception("signal %d is set aside: %s", one.id, error)
                self._set_aside(one.id, error)
            self._reach(one.id)
        self._crossed = 0
        return stored[-1].id if stored else 0

    def _is_stuck(self, error: Temporary) -> bool:
        """Whether a conflict recurs so often that it is not another replica's doing but ours, and will not pass."""
        self._crossed = self._crossed + 1 if isinstance(error, Crossed) else 0
        return self._crossed >= CROSSED

    def _set_aside(self, signal_id: int, error: Exception) -> None:
        with self._services.store.observing() as t:
            if signals.observed(t) < signal_id:
                signals.put_aside(t, signal_id, self._services.clock(), f"{type(error).__name__}: {error}")
                signals.set_observed(t, signal_id)
