"""Reads the folder of runbooks: YAML front matter and Markdown, one problem per file.

A bad file doesn't affect the others; its faults are reported with file, line and field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.core.dates import duration
from bot.core.incidents.runbook import Runbook, faults

SECTIONS = ("What you see", "Why", "What to do", "Prevent")


@dataclass(frozen=True, slots=True)
class RunbookFault:
    """A fault in one file, and where it is."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


def read_all(folder: Path) -> tuple[list[Runbook], list[RunbookFault]]:
    """Every usable runbook, and all faults. A missing folder is a fault."""
    if not folder.is_dir():
        return [], [RunbookFault(str(folder), 1, "there is no such folder; set WINDSOCK_RUNBOOKS__PATH")]
    books: list[Runbook] = []
    wrong: list[RunbookFault] = []
    for path in sorted(folder.glob("*.md")):
        book, said = read(path)
        wrong += said
        if book is not None:
            books.append(book)
    return books, wrong


def read(path: Path) -> tuple[Runbook | None, list[RunbookFault]]:
    """Reads one file; the runbook is None if its front matter can't be used."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return None, [RunbookFault(path.name, 1, f"cannot be read: {error}")]
    found = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    if not found:
        return None, [RunbookFault(path.name, 1, "has no front matter between two lines of ---")]
    try:
        front = yaml.safe_load(found[1])
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        OverflowError,
        RecursionError,
    ) as error:  # also raised for an impossible date
        mark = getattr(error, "problem_mark", None)
        return None, [
            RunbookFault(path.name, (mark.line + 2) if mark else 1, f"the front matter isn't valid YAML: {error}")
        ]
    if not isinstance(front, Mapping):
        return None, [RunbookFault(path.name, 2, "front matter must be fields with values")]
    wrong = [RunbookFault(path.name, _line(found[1], field), f"{field} {said}") for field, said in faults(front)]
    if wrong:
        return None, wrong
    body = text[found.end() :]
    missing = [name for name in SECTIONS if not re.search(rf"^#+ {name}\s*$", body, re.MULTILINE | re.IGNORECASE)]
    first = found[0].count("\n") + 1
    wrong = [RunbookFault(path.name, first, f"has no section “{name}”") for name in missing]
    return _book(path.stem, front, body), wrong


def _line(front: str, field: str) -> int:
    """The number of the line that sets a field; 2, the first line of the front matter, if it isn't found."""
    last = field.rsplit(".", 1)[-1]
    for number, line in enumerate(front.splitlines(), 2):
        if re.match(rf"\s*{re.escape(last)}\s*:", line):
            return number
    return 2


def _book(name: str, front: Mapping[str, Any], body: str) -> Runbook:
    match = {key: (one,) if isinstance(one, str) else tuple(one) for key, one in front["match"].items()}
    return Runbook(
        name=name, title=front["title"], body=body, match=match, severity=str(front.get("severity") or ""),
        phrase=str(front.get("phrase") or ""), actions=tuple(_action(one) for one in front.get("actions") or ()),
        escalate_after=duration(str(front.get("escalate_after") or "")),
    )  # fmt: skip


def _action(given: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(given, Mapping) and given:
        verb, options = next(iter(given.items()))
        return str(verb), options if isinstance(options, Mapping) else {}
    return str(given), {}
