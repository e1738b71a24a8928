"""Links that people paste from Airflow 2 and 3, whatever page they were on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Refused
from bot.slack.commands.links import Ref, host_of, of_link

RUN = "scheduled__2026-11-22T05:00:00+00:00"
HOST = "https://airflow.example.com"


@pytest.mark.parametrize(
    ("path", "ref"),
    [
        ("/dags/sales", Ref(name="sales")),
        (f"/dags/sales/runs/{RUN}", Ref(name="sales", run=RUN)),
        (f"/dags/sales/runs/{RUN}/", Ref(name="sales", run=RUN)),
        (f"/dags/sales/runs/{RUN}/tasks/load", Ref(name="sales", task="load", run=RUN)),
        (f"/dags/sales/runs/{RUN}/tasks/load/mapped/7/xcom", Ref(name="sales", task="load", run=RUN, map_index=7)),
        ("/dags/sales/grid", Ref(name="sales")),
        (f"/dags/sales/grid?dag_run_id={RUN}&task_id=load", Ref(name="sales", task="load", run=RUN)),
        ("/dags/sales/grid?dag_run_id=manual__1&task_id=load&map_index=3",
         Ref(name="sales", task="load", run="manual__1", map_index=3)),
        ("/dags/sales/grid?task_id=load&map_index=-1", Ref(name="sales", task="load")),
        ("/log?dag_id=sales&task_id=load&execution_date=2026-11-22T05%3A00%3A00%2B00%3A00",
         Ref(name="sales", task="load", run="2026-11-22T05:00:00+00:00")),
        ("/dags/team%20a/runs/r%2F1", Ref(name="team a", run="r/1")),
    ],
)  # fmt: skip
def test_a_link_says_what_it_shows(path: str, ref: Ref) -> None:
    found = of_link(HOST + path)
    assert isinstance(found, Ref)
    assert (found.name, found.task, found.run, found.map_index) == (ref.name, ref.task, ref.run, ref.map_index)
    assert found.host == "airflow.example.com"


@pytest.mark.parametrize(
    ("link", "said"),
    [(f"{HOST}/home", "shows no DAG"), (HOST, "shows no DAG"), (f"{HOST}/dags/~/runs", "shows no DAG"),
     (f"{HOST}/dags/sales/runs/r/tasks/group/g", "shows a task group"), ("http://[airflow/dags/x", "can't be read")],
)  # fmt: skip
def test_a_link_that_shows_no_dag_or_task_is_refused(link: str, said: str) -> None:
    refused = of_link(link)
    assert isinstance(refused, Refused)
    assert said in refused.reason
    assert refused.next


@pytest.mark.parametrize(
    ("address", "host"),
    [("https://Airflow.Example.com/x", "airflow.example.com"), ("https://airflow.example.com:443", "airflow.example.com"),
     ("http://airflow.example.com:443", "airflow.example.com:443"), ("http://u:p@10.0.0.5:8080/a", "10.0.0.5:8080"),
     ("http://h:port", ""), ("nonsense", ""), ("", "")],
)  # fmt: skip
def test_the_host_is_compared_without_user_and_usual_port(address: str, host: str) -> None:
    assert host_of(address) == host


@given(st.text() | st.from_regex(r"https?://[^ ]{0,40}/dags/[^ ]{0,60}"))
def test_whatever_is_pasted_is_read_or_refused(text: str) -> None:
    assert isinstance(of_link(text), Ref | Refused)
