"""What is wrong with each part of a running bot, in a sentence; empty if it works."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from bot.checks.sweep import Sweep
from bot.core.errors import Permanent, Temporary
from bot.responder.signals.intake import Intake
from bot.store import alerts
from bot.store.database import Store


def of_threads(intake: Intake, threads: Sequence[threading.Thread]) -> dict[str, str]:
    """The intake, the observer and the other loops."""
    own = (intake.thread, intake.observer.thread)
    dead = [thread.name for thread in (*threads, *own) if not thread.is_alive()]
    return {
        "intake": "the writer has ended" if intake.thread.name in dead else intake.trouble,
        "observer": intake.observer.state(),
        "threads": f"ended: {', '.join(dead)}" if dead else "",
    }


def of_alerts(store: Store) -> str:
    """The alerts that can't be shown; empty if there are none."""
    try:
        with store.read() as t:
            failing = alerts.failing(t)
    except (Temporary, Permanent) as error:
        return error.message
    return f"{len(failing)} cannot be shown: {failing[0].error}" if failing else ""


def of_checks(sweeps: Sequence[Sweep]) -> str:
    """The checks that couldn't run; empty if there are none."""
    wrong = [f"{name}: {said}" for sweep in sweeps for name, said in list(sweep.errors.items())]
    return f"{len(wrong)} could not be asked; {wrong[0]}" if wrong else ""
