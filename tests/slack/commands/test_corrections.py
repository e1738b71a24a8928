"""What is unclear is chosen by a button; what is wrong is shown with a caret."""

from __future__ import annotations

import pytest

from bot.core.errors import Refused
from bot.responder.lookups.find import Unclear
from bot.slack.commands import corrections, grammar
from tests.slack.reading import buttons, checked, line

CHOICE = Unclear("prod has no DAG `salse`. Near it: `sales`.", "status", choices=("sales[3]@latest",))


@pytest.mark.parametrize(
    ("typed", "runs"),
    [
        ("clear salse[3]@latest failed", "clear sales[3]@latest failed"),
        ("clear <https://a.example/dags/salse> failed", "clear sales[3]@latest failed"),
        ("clear “salse” --downstream", 'clear "sales[3]@latest" --downstream'),
        ("runs s failed", "runs sales[3]@latest failed"),
        ("clear --dry lea", "clear --dry sales[3]@latest"),
    ],
)
def test_a_choice_is_the_whole_command(typed: str, runs: str) -> None:
    message = corrections.of(CHOICE, grammar.parse(typed))
    assert [(verb, value) for verb, _, value, _ in buttons(checked(message))] == [("run", runs)]
    assert "Nothing was changed" in line(message, "section")
    assert grammar.parse(runs).words[0] == "sales[3]@latest"


def test_a_fault_is_shown_under_the_line_in_a_fixed_width() -> None:
    command = grammar.parse("clear sales from 2026-13-40 to today")
    message = checked(corrections.of(grammar.fault(command, "2026-13-40", "`2026-13-40` isn't a date"), command))
    shown, caret = line(message, "rich_text").split("\n")
    assert shown == "clear sales from 2026-13-40 to today"
    assert caret.strip() == "^" * 10
    assert shown[caret.index("^") :].startswith("2026-13-40")


def test_any_other_refusal_is_left_alone() -> None:
    assert corrections.of(Refused("no"), grammar.parse("clear x")) is None
