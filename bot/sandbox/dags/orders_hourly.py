"""Fetches the shop's orders. The shop answers 503 to each try, so the two retries run out."""

from datetime import datetime, timedelta, timezone

try:
    from airflow.sdk import DAG, task  # Airflow 3
except ImportError:
    from airflow import DAG  # Airflow 2
    from airflow.decorators import task


class ShopUnavailable(Exception):
    """The shop's API refused."""


def get_page(number):
    raise ShopUnavailable(f"GET /orders?page={number} answered 503 Service Unavailable after 30.02 s")


with DAG(
    "orders_hourly",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"owner": "shop", "retries": 2, "retry_delay": timedelta(seconds=1)},
    tags=["shop", "hourly"],
    doc_md=__doc__,
):

    @task
    def fetch_orders(ti=None):
        get_page(40 + ti.try_number)

    @task
    def store_orders():
        print("stored")

    fetch_orders() >> store_orders()
