"""Loads yesterday's sales. The first try of `load` meets a bad row; cleared, it goes through."""

from datetime import datetime, timezone

try:
    from airflow.sdk import DAG, task  # Airflow 3
except ImportError:
    from airflow import DAG  # Airflow 2
    from airflow.decorators import task


def insert_rows(rows, try_number):
    if try_number == 1:
        raise ValueError("row 4711: amount '12,50' is not a number (store 0x7f3a, 2026-11-22T05:00:41Z)")
    return len(rows)


with DAG(
    "sales_daily",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"owner": "data-eng", "retries": 0},
    tags=["sales"],
    doc_md=__doc__,
):

    @task
    def extract():
        return [{"store": 17, "amount": "12,50"}]

    @task
    def load(rows, ti=None):
        return insert_rows(rows, ti.try_number)

    @task
    def publish(count):
        print(f"published {count} rows")

    publish(load(extract()))
