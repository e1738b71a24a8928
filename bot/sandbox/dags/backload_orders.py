"""Loads the orders of past days once more. It has params, a schedule on working days and always succeeds."""

from datetime import datetime, timezone

try:
    from airflow.sdk import DAG, Param, TaskGroup, task  # Airflow 3
except ImportError:
    from airflow import DAG  # Airflow 2
    from airflow.decorators import task
    from airflow.models.param import Param
    from airflow.utils.task_group import TaskGroup


with DAG(
    "backload_orders",
    schedule="30 4 * * 1-5",
    start_date=datetime(2025, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=3,
    default_args={"owner": "shop", "retries": 0},
    tags=["shop", "backload"],
    params={
        "shop": Param("eu", type="string", enum=["eu", "us", "apac"], description="Whose orders"),
        "days": Param(1, type="integer", minimum=1, maximum=31, description="How many days back"),
        "since": Param("2026-01-01", type="string", format="date", description="The first day"),
        "replace": Param(False, type="boolean", description="Replace what is there already"),
        "reason": Param(None, type=["null", "string"], maxLength=200, description="Why it is done"),
    },
    doc_md=__doc__,
):

    @task
    def read_orders(params=None):
        return f"orders of {params['shop']}, {params['days']} days from {params['since']}"

    @task
    def lines(found):
        print(found)

    orders = read_orders()
    with TaskGroup("load"):
        lines(orders)
