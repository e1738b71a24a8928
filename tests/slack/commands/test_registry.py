"""One list of verbs: help, dispatch and the nearest verbs of a typo are made of it."""

from __future__ import annotations

from typing import Any, cast

from bot.core.access import Person
from bot.responder.services import Services
from bot.slack.api.people import People
from bot.slack.commands import grammar, registry
from bot.slack.commands.request import Ask
from tests.slack.reading import buttons, checked

# What the product promises to understand; a verb that goes missing here goes missing for people.
PROMISED = (
    "help", "status", "open", "show", "whoami", "clear", "retry", "rerun", "mark", "mark-success", "mark-failed", "pause",
    "unpause", "trigger", "runs", "tasks", "logs", "import-errors", "pools", "variable", "connection", "ack", "unack",
    "resolve", "reopen", "silence", "silences", "unsilence", "escalate", "page", "oncall", "runbook", "health", "jobs",
    "zombies", "slow", "report",
)  # fmt: skip


def an_ask(text: str) -> Ask:
    return Ask(cast(Services, None), Person("U0ANA", "Ana"), cast(People, None), grammar.parse(text), "C0ALERTS")


def shown(text: str) -> Any:
    return checked(registry.answer(an_ask(text)))


def test_every_promised_verb_is_there() -> None:
    assert [verb for verb in PROMISED if registry.find(verb) is None] == []


def test_no_two_verbs_share_a_name() -> None:
    names = [name for verb in registry.VERBS for name in (verb.name, *verb.aliases)]
    assert sorted(names) == sorted(set(names))


def test_help_has_one_line_for_each_verb_and_nothing_of_it_is_cut() -> None:
    message = shown("help")
    sections = [block["text"]["text"] for block in message["blocks"] if block["type"] == "section"]
    lines = [line for section in sections for line in section.split("\n") if line.startswith("`")]
    assert sorted(line.split("`")[1].split(" ")[0] for line in lines) == sorted(verb.name for verb in registry.VERBS)
    assert "…" not in "".join(sections)
    assert max(len(section) for section in sections) < 2_500  # room for more verbs below Slack's 3,000
    assert all(line.split("`")[2].strip() for line in lines)


def test_a_line_of_the_help_is_short_enough_not_to_wrap() -> None:
    long = [f"{verb.name} {verb.usage}  {verb.sentence}" for verb in registry.VERBS]
    assert [line for line in long if len(line) > 84] == []


def test_each_verb_explains_itself_with_examples_of_its_own() -> None:
    for verb in registry.VERBS:
        message = shown(f"help {verb.name}")
        assert verb.examples, verb.name
        for example in verb.examples:
            assert registry.find(grammar.parse(example).verb) is verb, example
            assert example.split(" ")[0] in str(message)


def test_a_slip_in_a_mark_keeps_what_it_marks_as() -> None:
    assert [value for _, _, value, _ in buttons(registry.typo("mark-sucess A-1")) if value != "help"] == [
        "mark-success A-1"
    ]


def test_a_slip_in_help_is_offered_once() -> None:
    assert [label for _, label, _, _ in buttons(registry.typo("hepl"))] == ["help"]
