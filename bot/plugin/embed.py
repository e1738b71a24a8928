"""Writes the bot's redaction into the plugin, which is one file and imports nothing of ours.

    python -m bot.plugin.embed

A test says when the two differ. The copy is made ready at its first use: an Airflow process whose tasks go well pays nothing.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

HERE = Path(__file__).parent
SOURCE, PLUGIN = HERE.parent / "core" / "redaction", HERE / "windsock_airflow.py"
MODULES = (
    "values",
    "names",
    "forms",
    "commands",
    "vendors",
    "private_keys",
    "containers",
    "blocks",
    "pairs",
    "tables",
    "named",
    "statements",
    "__init__",
)  # each after what it uses
BEGIN, END = "# --- redaction begins: made by bot.plugin.embed\n", "# --- redaction ends\n"
HEAD = '''@lru_cache(maxsize=1)
def _redaction() -> "tuple[Callable[[str], str], Callable[[str], bool]]":
    """The bot's own `redact` and `is_secret_name`."""
'''
TAIL = "    return redact, is_secret_name\n"


def section() -> str:
    """What stands between the two marks."""
    bodies = [_body((SOURCE / f"{name}.py").read_text()) for name in MODULES]
    names = [name for _, defined in bodies for name in defined]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two modules of {SOURCE} define {', '.join(sorted(twice))}; names in it must be its own")
    lines = [line for text, _ in bodies for line in text.splitlines()]
    inside = "".join(f"    {line}\n" if line else "\n" for line in lines)
    return f"{BEGIN}# fmt: off\n\n\n{HEAD}{inside}{TAIL}\n\n# fmt: on\n{END}"


def _body(source: str) -> tuple[str, list[str]]:
    """A module without its docstring, imports and `__all__`, and the names that it defines."""
    lines, kept, defined = source.splitlines(), list[str](), list[str]()
    for number, node in enumerate(ast.parse(source).body):
        if isinstance(node, (ast.Import, ast.ImportFrom)) or (number == 0 and isinstance(node, ast.Expr)):
            continue
        targets = [
            one.id for target in getattr(node, "targets", []) for one in ast.walk(target) if isinstance(one, ast.Name)
        ]
        if targets == ["__all__"]:
            continue
        defined += [node.name] if isinstance(node, ast.FunctionDef) else targets
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        kept += [*([""] if kept and isinstance(node, ast.FunctionDef) else []), *lines[first - 1 : node.end_lineno]]
    return "\n".join(kept), defined


def embedded(plugin: str) -> str:
    """The plugin's text with the section as it should be."""
    before, _, rest = plugin.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{PLUGIN} has not the marks {BEGIN.strip()!r} and {END.strip()!r}")
    return before + section() + after


if __name__ == "__main__":
    PLUGIN.write_text(embedded(PLUGIN.read_text()))
    sys.stdout.write(f"{PLUGIN.name} has the redaction of {SOURCE.name}\n")
