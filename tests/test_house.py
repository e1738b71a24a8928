"""The house rules that no linter knows. (Import contracts and lint rules: `make lint`.)"""

from __future__ import annotations

import ast
import re
from pathlib import Path

BOT = Path(__file__).parents[1] / "bot"
FILES = [path for path in sorted(BOT.rglob("*.py")) if "dags" not in path.parts and "versions" not in path.parts]
LIMIT = 300
LONGER = {
    "plugin/windsock_airflow.py": "one file by design: it is dropped into Airflow as it is",
}
# Where everything may be caught: what runs inside a task, loops that must outlive a bug, and a job's wrapper.
CATCHES_ALL = {
    "plugin/windsock_airflow.py",
    "responder/alerts/delivery.py",
    "responder/remediation/carry_out.py",
    "responder/alerts/enrichment.py",
    "responder/signals/intake.py",
    "responder/signals/observer.py",
    "app/schedule.py",
    "app/slack.py",
}
FORBIDDEN_NAMES = re.compile(r"utils?|helpers?|common|managers?|(process|handle)_.*")


def name(path: Path) -> str:
    return path.relative_to(BOT).as_posix()


def test_a_file_is_at_most_300_lines_or_says_why() -> None:
    long = {name(path): len(path.read_text().splitlines()) for path in FILES}
    assert {file: lines for file, lines in long.items() if lines > LIMIT and file not in LONGER} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        name(path) for path in FILES if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_everything_is_caught_in_few_places_only() -> None:
    found = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and _catches_all(node) and not _raises_again(node):
                found.add(name(path))
    assert found <= CATCHES_ALL


def _catches_all(node: ast.ExceptHandler) -> bool:
    return node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})


def _raises_again(node: ast.ExceptHandler) -> bool:
    return isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [name(path) for path in FILES if FORBIDDEN_NAMES.fullmatch(path.stem)] == []


def test_time_is_never_naive() -> None:
    naive = re.compile(r"\butcnow\(|\bdatetime\.now\(\)|fromtimestamp\([^,)]*\)")
    assert [name(path) for path in FILES if naive.search(path.read_text()) and "plugin" not in path.parts] == []


def test_nothing_knows_the_machine_it_was_built_on() -> None:
    # this checkout's folder and this person's home, wherever they are; CI's are others than a developer's
    here = re.compile(
        "|".join(re.escape(f"{folder}/") for folder in (BOT.parent, Path.home()) if len(folder.parts) > 1)
    )
    shipped = [path for path in BOT.rglob("*") if path.suffix in {".py", ".md", ".js", ".css", ".html", ".toml"}]
    assert [name(path) for path in shipped if here.search(path.read_text(encoding="utf-8"))] == []
