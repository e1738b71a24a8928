"""All pages are read, whatever the server's limit is."""

from __future__ import annotations

from typing import Any

from bot.airflow import paging, parsing


def test_all_pages_are_read_when_the_server_gives_shorter_ones_than_asked() -> None:
    everything = [{"name": str(number)} for number in range(23)]

    def page(offset: int, limit: int) -> Any:
        return {"pools": everything[offset : offset + min(limit, 5)], "total_entries": 23}

    assert [pool.name for pool in paging.collect(page, "pools", parsing.pool)] == [str(number) for number in range(23)]


def test_a_total_that_the_server_caps_does_not_end_the_list() -> None:
    everything = [{"name": str(number)} for number in range(250)]

    def page(offset: int, limit: int) -> Any:
        return {"pools": everything[offset : offset + limit], "total_entries": 100}

    assert len(paging.collect(page, "pools", parsing.pool)) == 250
    assert len(paging.collect(page, "pools", parsing.pool, most=120)) == 120
