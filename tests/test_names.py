"""Names on an index belong to whoever registers them first: nobody is asked to install ours from there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
_INSTALL = re.compile(r"(?:pip3?|pipx|uv(?: pip)?|uvx|poetry|conda)\s+(?:install|add|run)\s+([^\n`]*)")


def test_no_sentence_installs_a_name_of_ours_from_an_index() -> None:
    texts = [path for kind in ("*.md", "*.toml", "*.py", "*.yml", "Dockerfile", "Makefile") for path in ROOT.rglob(kind)
             if not {".venv", ".airflow", ".git"} & set(path.parts)]  # fmt: skip
    assert len(texts) > 100
    said = [(path.name, found) for path in texts for found in _INSTALL.findall(path.read_text())]
    assert ("README.md", "./bot/plugin") in [(name, words.split()[0].rstrip(")")) for name, words in said if words]
    assert [one for one in said if re.search(r"(?<![./\w])windsock", one[1])] == []


def test_the_distributions_have_names_of_their_own() -> None:
    names = [
        tomllib.loads((ROOT / where / "pyproject.toml").read_text())["project"]["name"] for where in (".", "bot/plugin")
    ]
    assert names == ["windsock-oncall", "windsock-oncall-airflow"]
