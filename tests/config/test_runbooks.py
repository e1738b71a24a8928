"""Reading the folder of runbooks: one bad file never keeps the others from being used."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.config.runbooks import read, read_all

BODY = "## What you see\n\nx\n\n## Why\n\nx\n\n## What to do\n\nx\n\n## Prevent\n\nx\n"
FRONT = "title: The warehouse is away\nmatch:\n  exception: [Connection refused, gone]\n  dag: sales\n"


def written(folder: Path, front: str = FRONT, body: str = BODY, name: str = "away.md") -> Path:
    path = folder / name
    path.write_text(f"---\n{front}---\n{body}", encoding="utf-8")
    return path


def test_a_runbook_is_read_with_its_front_matter(tmp_path: Path) -> None:
    front = (
        FRONT + "phrase: the warehouse was away\nescalate_after: 15m\nactions:\n  - clear\n  - mark: {state: success}\n"
    )
    book, wrong = read(written(tmp_path, front))
    assert wrong == []
    assert book is not None
    assert (book.name, book.title, book.phrase) == ("away", "The warehouse is away", "the warehouse was away")
    assert book.match == {"exception": ("Connection refused", "gone"), "dag": ("sales",)}
    assert book.actions == (("clear", {}), ("mark", {"state": "success"}))
    assert book.escalate_after == timedelta(minutes=15)
    assert book.body == BODY


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("no front matter\n", 1, "no front matter"),
        ("---\ntitle: x\nmatch: [x\n---\n", 3, "valid YAML"),
        ("---\n- a\n- b\n---\n", 2, "fields with values"),
        ("---\ntitle: x\nmatch:\n  dags: x\n---\n", 4, "match.dags isn't a field"),
        ("---\ntitle: x\nmatch:\n  dag: x\n  exception: '(['\n---\n", 5, "valid regular expression"),
        (f"---\n{FRONT}---\n## Why\n", 7, "no section “What you see”"),
    ],
)
def test_a_fault_is_said_with_file_line_and_field(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / "bad.md"
    path.write_text(text, encoding="utf-8")
    first = read(path)[1][0]
    assert (first.file, first.line) == ("bad.md", line)
    assert said in first.sentence
    assert str(first).startswith(f"bad.md:{line}: ")


def test_one_bad_file_does_not_keep_the_others_from_being_used(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "bad.md").write_bytes(b"\xff\xfe")
    books, wrong = read_all(tmp_path)
    assert [book.name for book in books] == ["away"]
    assert [fault.file for fault in wrong] == ["bad.md"]


def test_a_folder_that_is_missing_is_a_fault_that_names_the_setting(tmp_path: Path) -> None:
    books, wrong = read_all(tmp_path / "none")
    assert books == []
    assert "WINDSOCK_RUNBOOKS__PATH" in wrong[0].sentence


def test_the_runbooks_that_we_ship_are_well() -> None:
    books, wrong = read_all(Path(__file__).parents[2] / "runbooks")
    assert wrong == []
    assert len(books) >= 3
