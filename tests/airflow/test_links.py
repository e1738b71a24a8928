"""Links lead to each major's pages and quote what they name."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from bot.airflow import links
from bot.core.airflow.protocol import TaskRef


@given(st.text(string.printable, min_size=1, max_size=30))
def test_links_quote_every_run_id(run_id: str) -> None:
    ref = TaskRef("sales", run_id, "load", 3)
    for major in (2, 3, None):
        for url in (
            links.run("https://airflow/", major, "sales", run_id),
            links.task("https://airflow/", major, ref, 2),
        ):
            assert url.startswith("https://airflow/dags/sales")
            assert not set(url) & set(' +"<>\n')


def test_links_lead_to_the_pages_of_each_major() -> None:
    ref = TaskRef("sales", "scheduled__2026-11-22T05:00:00+00:00", "load", 3)
    run = "scheduled__2026-11-22T05%3A00%3A00%2B00%3A00"
    assert links.task("https://a", 3, ref, 2) == f"https://a/dags/sales/runs/{run}/tasks/load/mapped/3?try_number=2"
    assert links.task("https://a", 2, ref, 2) == (
        f"https://a/dags/sales/grid?dag_run_id={run}&task_id=load&map_index=3&tab=logs"
    )
    assert links.run("https://a", None, "sales", "r") == "https://a/dags/sales"
