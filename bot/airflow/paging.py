"""All pages of a list, whatever the server's page limit is.

The server may cap pages below what we request (`maximum_page_limit`); Airflow 3 also caps `total_entries`, and Airflow
2 pages without an order, so that an entry can come twice. A short page isn't the end, a total isn't believed when a
page was full, duplicates count once, and the number of pages is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

from bot.airflow import parsing

PAGE = 100
MOST_PAGES = 500

T = TypeVar("T")


def collect(
    fetch: Callable[[int, int], Any],
    key: str,
    parse: Callable[[Any], T],
    most: int | None = None,
    wanted: Callable[[T], bool] | None = None,
) -> list[T]:
    """`fetch(offset, limit)` gives one page's JSON; at most `most` values (those that are `wanted`) are kept."""
    found: list[T] = []
    offset = 0
    for _ in range(MOST_PAGES):
        size = PAGE if most is None or wanted else min(PAGE, most - len(found))
        answer = fetch(offset, size)
        page = parsing.rows(answer, key)
        found.extend(value for value in map(parse, page) if wanted is None or wanted(value))
        offset += len(page)
        total = answer.get("total_entries") if isinstance(answer, dict) else None
        more = len(page) >= size or (isinstance(total, int) and offset < total)
        if not page or not more or (most is not None and len(found) >= most):
            break
    return found[:most]


def distinct(values: Iterable[T], identity: Callable[[T], Hashable]) -> list[T]:
    """The values in their order, each identity once (the last one read, which is the newer)."""
    return list({identity(value): value for value in values}.values())
