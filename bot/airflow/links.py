"""Links into Airflow's web pages, for both majors.

They are built from the address that people use (`ui_url`) without contacting the server, so they exist while Airflow is
unavailable. Until its version is known, a link leads to the DAG's page, whose address both majors share. Run ids
contain `+`, `:` and `/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from bot.core.airflow.protocol import TaskRef


def _q(text: str) -> str:
    return quote(text, safe="") if text.strip(".") else "-"  # a name of dots only would lead elsewhere


def _query(values: Mapping[str, str]) -> str:
    return urlencode(values, quote_via=quote, safe="")


def run(ui_url: str, major: int | None, dag_id: str, run_id: str) -> str:
    page = f"{ui_url.rstrip('/')}/dags/{_q(dag_id)}"
    if major == 3:
        return f"{page}/runs/{_q(run_id)}"
    return page if major is None else f"{page}/grid?{_query({'dag_run_id': run_id})}"


def task(ui_url: str, major: int | None, ref: TaskRef, try_number: int | None) -> str:
    if major == 2:
        return _task_in_grid(ui_url, ref)
    page = run(ui_url, major, ref.dag_id, ref.run_id)
    if major is None:
        return page
    mapped = f"/mapped/{ref.map_index}" if ref.map_index >= 0 else ""
    tried = f"?try_number={try_number}" if try_number else ""
    return f"{page}/tasks/{_q(ref.task_id)}{mapped}{tried}"


def _task_in_grid(ui_url: str, ref: TaskRef) -> str:
    query = {"dag_run_id": ref.run_id, "task_id": ref.task_id}
    if ref.map_index >= 0:
        query["map_index"] = str(ref.map_index)
    return f"{ui_url.rstrip('/')}/dags/{_q(ref.dag_id)}/grid?{_query({**query, 'tab': 'logs'})}"
