"""A press moves an incident and names the person; a late one learns who was first."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.errors import Refused
from bot.core.incidents.incident import State
from bot.core.incidents.presses import press
from tests.core.incidents.test_lifecycle import HELD, LATER, OVER, observed, opened
from tests.given import BEN

PRESSES: list[tuple[str, dict[str, Any], State, str]] = [
    ("acknowledge", {}, State.acknowledged, "Ben has it"),
    ("unacknowledge", HELD, State.open, "Ben gave it back"),
    ("resolve", {}, State.resolved, "Ben resolved it"),
    ("resolve", HELD, State.resolved, "Ben resolved it"),
    ("reopen", OVER, State.open, "Ben opened it again"),
    ("escalate", {}, State.open, "Ben escalated it"),
    ("escalate", HELD, State.acknowledged, "Ben escalated it"),
]


@pytest.mark.parametrize(("verb", "known", "state", "text"), PRESSES)
def test_a_press_moves_the_incident_and_names_the_person(
    verb: str, known: dict[str, Any], state: State, text: str
) -> None:
    before = opened(**known)
    seen = observed(press(before, verb, BEN, LATER))
    assert (seen.incident.state, seen.incident.version) == (state, before.version + 1)
    assert seen.entry is not None
    assert (seen.entry.who, seen.entry.who_id, seen.entry.text) == ("Ben", BEN.id, text)


REFUSALS: list[tuple[str, dict[str, Any], str, str]] = [
    ("acknowledge", HELD, "Ana has A-7 already.", "unack A-7"),
    ("acknowledge", HELD | {"holder": BEN}, "You have A-7 already.", "resolve A-7"),
    ("acknowledge", OVER, "A-7 is resolved already.", "reopen A-7"),
    ("unacknowledge", {}, "Nobody has A-7.", "ack A-7"),
    ("resolve", OVER, "A-7 was resolved by Ana already.", "reopen A-7"),
    ("reopen", {}, "A-7 is open already.", "ack A-7"),
    ("escalate", OVER, "A-7 is resolved; there is nothing to escalate.", "reopen A-7"),
]


@pytest.mark.parametrize(("verb", "known", "reason", "remedy"), REFUSALS)
def test_a_press_that_makes_no_sense_any_more_says_who_was_first(
    verb: str, known: dict[str, Any], reason: str, remedy: str
) -> None:
    assert press(opened(**known), verb, BEN, LATER) == Refused(reason, remedy)
