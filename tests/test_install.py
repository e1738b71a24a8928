"""What `pip install .` gives: a bot that works away from the checkout, with its runbooks, migrations and pages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WINDSOCK_", "PYTHON"))}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**kept, **environment},
        text=True,
        capture_output=True,
        check=False,
    )


@pytest.fixture(scope="module")
def windsock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment that has the wheel and its dependencies, and no checkout."""
    folder = tmp_path_factory.mktemp("install")
    made = run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    assert made.returncode == 0, made.stderr
    python = folder / "venv" / "bin" / "python"
    built = run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    assert built.returncode == 0, built.stderr[-2000:]
    (wheel,) = folder.glob("windsock_oncall-*.whl")
    installed = run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    assert installed.returncode == 0, installed.stderr
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv" / "bin" / "windsock"


def test_the_commands_work_outside_the_checkout(windsock: Path, tmp_path: Path) -> None:
    listed = run(windsock, "runbooks", "list", cwd=tmp_path)
    shipped = {path.stem for path in (ROOT / "runbooks").glob("*.md")}
    assert {line.split()[0] for line in listed.stdout.splitlines()} == shipped, listed.stderr
    assert run(windsock, "runbooks", "lint", cwd=tmp_path).returncode == 0
    assert json.loads(run(windsock, "incidents", "--json", cwd=tmp_path).stdout) == []
    assert (tmp_path / "windsock.db").exists(), "the migrations are in the wheel"


def test_runbooks_of_ones_own_go_before_those_that_are_shipped(windsock: Path, tmp_path: Path) -> None:
    (tmp_path / "runbooks").mkdir()
    assert run(windsock, "runbooks", "list", cwd=tmp_path).stdout == "\n"


def test_the_demo_says_that_it_needs_a_checkout(windsock: Path, tmp_path: Path) -> None:
    said = run(windsock, "demo", "--headless", cwd=tmp_path)
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    assert "clone the repository, then `make demo`" in said.stderr


def test_nothing_of_the_plugin_or_of_the_tests_is_in_it(windsock: Path) -> None:
    (site,) = windsock.parents[1].glob("lib/python*/site-packages")
    assert not (site / "bot" / "plugin").exists()
    assert sorted(path.name for path in site.iterdir() if path.name in {"tests", "deploy", "docs"}) == []
