"""A long list is carried out in batches: the message says how far it is, and Stop ends it behind the current one.

Airflow is one in memory whose every batch waits until the test lets it through, so that nothing depends on how fast it is.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

import pytest

from bot.core.airflow.protocol import Airflow, Scope, TaskInstance
from bot.responder.remediation import carry_out
from tests.responder.flows import Memory, memory
from tests.scenarios.room import BotHere, a_room

MANY = 250


class Gated(Memory):
    """Every real clear waits for the gate."""

    gate = threading.Semaphore(0)

    def clear(self, scope: Scope, *, dry_run: bool, note: str = "") -> list[TaskInstance]:
        if not dry_run:
            assert self.gate.acquire(timeout=60)
        return super().clear(scope, dry_run=dry_run, note=note)


def test_the_message_says_how_far_it_is_and_stop_says_exactly_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carry_out, "TELL_EVERY", carry_out.TELL_EVERY * 0)
    airflow = Gated(**vars(memory(mapped=MANY)))
    with a_room(tmp_path) as room:
        assert isinstance(room.bot, BotHere)
        room.bot.windsock.services.airflows = {"prod": cast(Airflow, airflow)}
        preview = room.say("/airflow clear sales@2026-11-20").expect_ephemeral(
            f"Clear {MANY + 1} task instances of sales?"
        )
        preview.press(f"Confirm: clear {MANY + 1}")
        told = room.expect("Ana is clearing", f"{MANY + 1} task instances")
        airflow.gate.release()
        told.expect_edit("100 cleared", "151 to go")
        told.press("Stop", user="ben").expect_ephemeral("It stops after the current batch")
        airflow.gate.release()
        told.expect_edit("200 of 251 were done, 51 were not: Ben stopped it", "load[200..249], store")
        assert sum(state == "none" for state in airflow.states.values()) == 200
        airflow.states |= {ref: "success" for ref, state in airflow.states.items() if state == "none"}
        told.expect_edit("Done in part", "200 of 251 were done, 51 were not: Ben stopped it", "load[200..249], store")
        assert [call[2] for call in airflow.calls] == [100, 100]
