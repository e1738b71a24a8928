"""Answers to an ambiguous or faulty command: the choices as buttons, or the line with a caret under the fault.

A button runs exactly the command that it shows. A REF that was pasted as a link or quoted isn't found literally in the
parsed line, so the corrected line is rebuilt from its words.
"""

from __future__ import annotations

import re

from bot.core.errors import Refused
from bot.responder.lookups.find import Unclear
from bot.slack.commands import grammar
from bot.slack.text.block_kit import Message, actions, button, context, message, preformatted, section
from bot.slack.text.words import bare, code, cut, foreign, plain

_NOTHING = "Nothing was changed"
_MOST = 3


def unclear(refusal: Unclear, command: grammar.Command) -> Message:
    """The sentence, and each choice as a complete command."""
    said = foreign(refusal.reason, formatted=True)
    lines = [_corrected(command, choice) for choice in refusal.choices[:_MOST]]
    near = [button("run" if n == 0 else f"run-{n + 1}", cut(plain(line), 75), line, spoken=f"Run {plain(line)}")
            for n, line in enumerate(lines)]  # fmt: skip
    return message(f"{_NOTHING}: {bare(said)}", section(f"*{_NOTHING}.* {said}"), actions("nearest", *near))


def _corrected(command: grammar.Command, choice: str) -> str:
    """The line with the choice in place of the REF."""
    asked = command.words[0] if command.words else ""
    text = command.text.replace(f"<{asked}>", asked)
    # after the verb, and as a whole word: a DAG may be called `s`
    found = re.search(rf"(?<=[\s\"']){re.escape(asked)}(?![^\s\"'])", text) if asked else None
    if found is not None:
        line = f"{text[: found.start()]}{choice}{text[found.end() :]}"
    else:
        line = " ".join([command.verb, choice, *command.words[1:], *(f"--{flag}" for flag in sorted(command.flags))])
    return "".join(sign for sign in line if sign.isprintable())


def fault(refusal: grammar.Fault) -> Message:
    """The sentence, the line as it was typed, and a caret under the fault."""
    said = foreign(refusal.reason, formatted=True)
    shown = preformatted(f"{refusal.line}\n{refusal.caret}") if refusal.line else None
    below = context(f"next: {code(f'/airflow {plain(refusal.next, 200)}')}") if refusal.next else None
    return message(f"{_NOTHING}: {bare(said)}", section(f"*{_NOTHING}.* {said}"), shown, below)


def of(refusal: Refused, command: grammar.Command) -> Message | None:
    """The answer to an Unclear or a Fault; None for other refusals."""
    if isinstance(refusal, Unclear) and refusal.choices and command.words:
        return unclear(refusal, command)
    return fault(refusal) if isinstance(refusal, grammar.Fault) else None
