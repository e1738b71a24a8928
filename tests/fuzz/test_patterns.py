"""Every regular expression of ours on inputs that grow: four times the text costs about four times the time, and not sixteen."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot
from bot.core.redaction.forms import forms
from bot.core.redaction.vendors import shapes

ROOT = Path(bot.__file__).parent
SHORT, TIMES = 2_000, 4
LOUD = 0.002  # seconds; what is faster on the long text says nothing about its growth
MOST = TIMES * 2.5
PIECES = (
    "a", "A", "1", " ", "_", "-", ".", ":", "/", "=", "'", '"', "(", "[", "{", "<", ">", "@", "\n", "\t", "\\", "%", "$", "&",
    ";", ",", "|", "#", "*", "`", "•", "ü", "a.", "a-", "a1", "a ", "=a", "://a", "'a'", '"a"', "a_b", "a=b ", "(a", "[1", "a:b",
    "\na", "  a", "0x1", "-a ", "a@b", "1:", "1.1.", "\\'", "\\n", "a b", "--a ", "a,b", "{a", "<a", "&a=", "a/b", "..", "1-1-",
)  # fmt: skip
LOOKS = frozenset({"search", "finditer", "findall", "sub", "subn", "split"})  # at every place; the others at one
Found = tuple[str, re.Pattern[str], bool]


def patterns() -> Iterator[Found]:
    """(where, pattern, whether it is looked for at every place): what modules hold, what functions of `re` are called with,
    and the forms of the redaction."""
    seen: set[tuple[str, int, bool]] = set()
    held = list(_held())
    for where, pattern, everywhere in (*held, *_written({pattern.pattern for _, pattern, _ in held}), *_formed()):
        if (key := (pattern.pattern, pattern.flags, everywhere)) not in seen:
            seen.add(key)
            yield where, pattern, everywhere


def _held() -> Iterator[Found]:
    sources = "\n".join(path.read_text() for path in ROOT.rglob("*.py") if "sandbox" not in path.parts)
    for info in pkgutil.walk_packages([str(ROOT)], "bot."):
        if {"sandbox", "migrations", "__main__"} & set(info.name.split(".")):
            continue
        for name, value in vars(importlib.import_module(info.name)).items():
            for pattern in _inside(value):
                used = set(re.findall(rf"\b{name}\.(\w+)", sources))
                yield f"{info.name}.{name}", pattern, bool(used & LOOKS) or not used


def _inside(value: object) -> Iterator[re.Pattern[str]]:
    """Also those that stand in a table."""
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _inside(one)


def _written(held: set[str]) -> Iterator[Found]:
    for path in ROOT.rglob("*.py"):
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(ast.Attribute(ast.Name("re"), used), [ast.Constant(str(pattern)), *_]) if (
                    used != "compile"
                ):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", re.compile(pattern), used in LOOKS


def _formed() -> Iterator[Found]:
    for _, group in forms():
        yield from ((f"redaction form {gates[0]}", pattern, True) for gates, pattern, _ in group)
    beginnings, others = shapes()
    yield "redaction beginnings", beginnings, True
    yield from ((f"redaction shape {pattern.pattern[:20]}", pattern, True) for pair in others for pattern in pair)


ALL = list(patterns())


def words_of(pattern: re.Pattern[str]) -> list[str]:
    """What stands literally in it: text that it looks for is what makes it work."""
    plain = re.sub(r"\\[\w.]|\(\?[a-zA-Z:=!<]+|\[[^\]]*\]|\{[^}]*\}", "\0", pattern.pattern)
    return [word for word in re.findall(r"[A-Za-z][A-Za-z ./_:=-]{2,}", plain)][:8]


def cost(pattern: re.Pattern[str], text: str, everywhere: bool) -> float:
    """Of finding every place, or of trying one, the fastest of a few."""
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        if everywhere:
            deque(pattern.finditer(text), maxlen=0)
        else:
            pattern.fullmatch(text) or pattern.match(text)
        best = min(best, time.perf_counter() - began)
        if best < LOUD / TIMES:
            break
    return best


def growth(pattern: re.Pattern[str], piece: str, size: int, everywhere: bool) -> float:
    """How many times as much a text of four times the size costs; 0 where both cost next to nothing."""
    short, long = piece * (size // len(piece)), piece * (size * TIMES // len(piece))
    if cost(pattern, long, everywhere) < LOUD:
        return 0.0
    return min(cost(pattern, long, everywhere) / max(cost(pattern, short, everywhere), 1e-6) for _ in range(2))


def test_there_are_many_and_all_are_looked_at() -> None:
    assert len(ALL) > 150


@pytest.mark.parametrize(
    ("where", "pattern", "everywhere"), ALL, ids=[f"{n}-{one[0]}"[:60] for n, one in enumerate(ALL)]
)
def test_a_pattern_costs_no_more_than_its_text_is_long(where: str, pattern: re.Pattern[str], everywhere: bool) -> None:
    words = words_of(pattern)
    for piece in [
        *PIECES,
        *words,
        *(f"{word}{sign}" for word in words for sign in ("=", ": ", "='", " ", "(", "a", "/")),
    ]:
        if (
            growth(pattern, piece, SHORT, everywhere) > MOST
        ):  # a repetition that is bounded grows no more on a longer text
            ratio = growth(pattern, piece, 4 * SHORT, everywhere)
            assert ratio < MOST, f"{where}: {piece!r} again and again costs {ratio:.1f} times as much"
