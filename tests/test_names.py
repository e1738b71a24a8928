"""Names on an index belong to whoever registers them first: nobody is asked to install ours from there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

KINDS = ("*.md", "*.toml", "*.py", "*.txt", "*.yml", "*.yaml", "*.json", "*.html", "Dockerfile", "Makefile")
ROOT = Path(__file__).parents[1]
_INSTALL = re.compile(r"(?:pip3?|pipx|uv(?: pip)?|uvx|poetry|conda)\s+(?:install|add|run)\s+([^\n`]*)")


def texts_of(*kinds: str) -> list[Path]:
    """Our own files of these kinds."""
    return [path for kind in kinds for path in ROOT.rglob(kind) if not {".venv", ".airflow", ".git"} & set(path.parts)]


def test_no_sentence_installs_a_name_of_ours_from_an_index() -> None:
    texts = texts_of("*.md", "*.toml", "*.py", "*.yml", "Dockerfile", "Makefile")
    assert len(texts) > 100
    said = [(path.name, found) for path in texts for found in _INSTALL.findall(path.read_text())]
    assert ("README.md", "./bot/plugin") in [(name, words.split()[0].rstrip(")")) for name, words in said if words]
    assert [one for one in said if re.search(r"(?<![./\w])windsock", one[1])] == []


def test_the_distributions_have_names_of_their_own() -> None:
    names = [
        tomllib.loads((ROOT / where / "pyproject.toml").read_text())["project"]["name"] for where in (".", "bot/plugin")
    ]
    assert names == ["windsock-oncall", "windsock-oncall-airflow"]


def test_no_file_names_the_host_of_a_package_registry() -> None:
    """Which index packages come from is for who installs them to say."""
    assert len(texts_of("*.txt")) > 2, "the locks are among them"
    hosts = [
        ".".join(parts) for parts in (("registry", "npmjs", "org"), ("pypi", "org"), ("files", "pythonhosted", "org"))
    ]
    found = [(path, host) for path in texts_of(*KINDS) for host in hosts if host in path.read_text(errors="replace")]
    assert found == []
