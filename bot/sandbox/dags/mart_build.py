"""Builds the data mart: one source fails, and the tasks that wait for it never start (upstream_failed)."""

from datetime import datetime, timezone

try:
    from airflow.sdk import DAG, task  # Airflow 3
except ImportError:
    from airflow import DAG  # Airflow 2
    from airflow.decorators import task


MARTS = ["customers", "orders", "products", "returns", "sessions", "stores"]


def check_schema(try_number):
    if try_number == 1:
        raise RuntimeError("column stores.opened_at changed its type from date to text")


with DAG(
    "mart_build",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"owner": "analytics", "retries": 0},
    tags=["analytics", "mart"],
    doc_md=__doc__,
):

    @task
    def stage_sources(ti=None):
        check_schema(ti.try_number)

    @task
    def build_mart(name):
        print(f"built {name}")

    @task
    def refresh_dashboards():
        print("refreshed")

    marts = [build_mart.override(task_id=f"build_{name}")(name) for name in MARTS]
    stage_sources() >> marts >> refresh_dashboards()
