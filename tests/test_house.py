"""The house rules that no linter knows. (Import contracts and lint rules: `make lint`.)"""

from __future__ import annotations

import ast
import re
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

BOT = Path(__file__).parents[1] / "bot"
FILES = [path for path in sorted(BOT.rglob("*.py")) if "dags" not in path.parts and "versions" not in path.parts]
LIMIT, MODULES = 300, 15
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
    "slack/interactions/owed_answers.py",
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


def test_a_folder_has_at_most_15_modules() -> None:
    folders = Counter(
        path.parent.relative_to(BOT).as_posix() for path in FILES if path.stem not in {"__init__", "__main__"}
    )
    assert {folder: modules for folder, modules in folders.items() if modules > MODULES} == {}


def test_no_two_modules_import_each_other_by_any_way_round() -> None:
    """Imports within a function count as well; those for type checkers alone do not."""
    sorter: TopologicalSorter[str] = TopologicalSorter({dotted(path): imports(path) for path in FILES})
    try:
        sorter.prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def dotted(path: Path) -> str:
    return ".".join(["bot", *path.relative_to(BOT).with_suffix("").parts]).removesuffix(".__init__")


MODULE_NAMES = {dotted(path) for path in FILES}


def imports(path: Path) -> set[str]:
    """The modules of ours that this one imports."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.dump(branch.test)
        for node in ast.walk(branch)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{one.name}" for one in node.names}
            found |= (inner & MODULE_NAMES) or {node.module}
    return (found & MODULE_NAMES) - {dotted(path)}


def test_every_file_that_the_documents_name_is_there() -> None:
    root = BOT.parent
    named = {
        name
        for document in (*root.glob("docs/*.md"), root / "README.md")
        for name in re.findall(r"`([a-z_0-9]+(?:/[a-z_0-9]+)+(?:\.py|/))`", document.read_text())
    }
    assert len(named) > 40
    assert [name for name in sorted(named) if not (BOT / name).exists() and not (root / name).exists()] == []
