"""All pages of a list, whatever the server's page limit is.

The server may cap pages below what was requested (`maximum_page_limit`); Airflow 3 also caps `total_entries`, and
Airflow 2 pages without an order, so that an entry can come twice. So a short page isn't taken for the last, a total
isn't trusted after a full page, duplicates count once, and the number of pages is bounded.
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
    """Collects at most `most` values (those that are `wanted`). `fetch(offset, limit)` returns one page's JSON."""
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
    """The values in order, one per identity. The last value read wins, because it is the newest."""
    return list({identity(value): value for value in values}.values())
