"""Fetches the currency rates. The first try times out, its own retry succeeds: no person is needed."""

from datetime import datetime, timedelta, timezone

try:
    from airflow.sdk import DAG, task  # Airflow 3
except ImportError:
    from airflow import DAG  # Airflow 2
    from airflow.decorators import task


def read_rates(try_number):
    if try_number == 1:
        raise TimeoutError("rates.example.org did not answer within 10.0 s")
    return {"EUR": 1.0, "CHF": 0.94}


with DAG(
    "currency_rates",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"owner": "treasury", "retries": 2, "retry_delay": timedelta(seconds=1)},
    tags=["treasury", "hourly"],
    doc_md=__doc__,
):

    @task
    def fetch_rates(ti=None):
        return read_rates(ti.try_number)

    fetch_rates()
