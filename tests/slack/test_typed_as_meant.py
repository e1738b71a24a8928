"""What is typed is taken as it was meant, or asked about: a value is not tidied up, and a time is not guessed."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from bot.slack.api.people import People
from bot.slack.commands import grammar, incidents, variables
from bot.slack.commands.request import Ask
from bot.slack.text.block_kit import Message
from bot.store import remediations
from bot.store.silences import active_silences
from tests.responder.flows import ANA, memory, services_of
from tests.slack.reading import buttons, checked, line


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("variable set mode fast", "fast"), ("variable set mode --fast now", "--fast now"),
        ("variable set mode a  b", "a  b"), ('variable set mode {"a": "b  c"}', '{"a": "b  c"}'),
        ("variable set mode “two words”", "two words"), ("variable SET mode dry", "dry"),
        ("variable set mode 'a' or 'b'", "'a' or 'b'"), ("variable set prod:mode &lt;x&gt; &amp;", "<x> &"),
        ("variable set mode <b>", "<b>"),
    ],
)  # fmt: skip
def test_a_variable_is_given_exactly_what_was_typed(typed: str, value: str, tmp_path: Path) -> None:
    services = services_of(memory(), tmp_path)
    message = variables.variable(Ask(services, ANA, cast(People, None), grammar.parse(typed), "C1"))
    confirm = next(plan_id for verb, _, plan_id, _ in buttons(checked(message)) if verb == "confirm")
    with services.store.read() as t:
        found = remediations.plan(t, confirm)
    assert found is not None
    assert dict(found[0].options) == {"key": "mode", "value": value}


def silenced(typed: str, folder: Path) -> tuple[Message, list[str]]:
    services = services_of(memory(), folder)
    said = checked(incidents.silence(Ask(services, ANA, cast(People, None), grammar.parse(typed), "C1")))
    with services.store.read() as t:
        return said, [one.reason for one in active_silences(t, services.clock())]


def test_a_time_that_is_none_is_asked_about_and_nothing_is_silenced(tmp_path: Path) -> None:
    said, made = silenced("silence sales for 2hh the audit", tmp_path)
    assert made == []
    assert "isn't a duration" in line(said, "section")
    assert "^^^" in line(said, "rich_text")


@pytest.mark.parametrize(
    ("typed", "reason"),
    [("silence sales for 2h the audit", "the audit"), ("silence sales 2h the audit", "the audit"),
     ("silence sales for the audit", "for the audit"), ("silence sales for 2h", "no reason given")],
)  # fmt: skip
def test_the_rest_is_the_reason(typed: str, reason: str, tmp_path: Path) -> None:
    assert silenced(typed, tmp_path)[1] == [reason]


@pytest.mark.parametrize("number", ["9" * 20, "9" * 400])
def test_a_time_beyond_all_time_is_none(number: str, tmp_path: Path) -> None:
    said, made = silenced(f"silence sales for {number}h why", tmp_path)
    assert made == []
    assert "isn't a duration" in line(said, "section")
