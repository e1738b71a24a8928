"""Formatting for the checks' sentences: counts with their nouns, percentages, sizes."""

from __future__ import annotations


def things(number: int, one: str, many: str) -> str:
    """`1 task instance waits`, `12 task instances wait`."""
    return f"{number} {one if number == 1 else many}"


def size(octets: int) -> str:
    """`12 KB`, `3.4 MB`; 1 KB is 1,024 bytes."""
    if octets < 1024:
        return f"{octets} B"
    kilobytes = octets / 1024
    return f"{kilobytes:.0f} KB" if kilobytes < 1024 else f"{kilobytes / 1024:.1f} MB"


def percent(share: float) -> str:
    """`98.7 %`; a share below 100 is never rounded up to 100 %."""
    return f"{min(share, 99.9):.1f} %" if share < 100 else "100 %"
