"""Columns for preformatted text; rows without room are counted. Cells must be redacted and on one line."""

from __future__ import annotations

from collections.abc import Sequence

from bot.slack.text.block_kit import Block, preformatted

ROOM = 2_900  # characters of one preformatted part
BAR = 16


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line per row; the last column is not padded."""
    widths = [
        max((len(row[n]) for row in rows if n < len(row)), default=0) for n in range(max(map(len, rows), default=0))
    ]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows]


def shown(rows: Sequence[Sequence[str]], most: int) -> tuple[Block | None, str]:
    """As many rows as there is room for, as preformatted text, and `+38 more` for the others."""
    lines, room = list[str](), ROOM
    for line in aligned(rows[:most]):
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    left = len(rows) - len(lines)
    return preformatted("\n".join(lines)), f"+{left} more" if left > 0 else ""


def bar(part: float, whole: float) -> str:
    """`██████████░░░░░░`: never full while something is left, never empty while something is taken."""
    if whole <= 0:
        return "░" * BAR
    taken = round(BAR * min(1.0, max(0.0, part / whole)))
    if 0 < part < whole:
        taken = min(BAR - 1, max(1, taken))
    return "█" * taken + "░" * (BAR - taken)
