"""Sends the newsletter. Nothing is wrong with it: the one that shows what well looks like."""

from datetime import datetime, timezone

try:
    from airflow.sdk import DAG, task  # Airflow 3
except ImportError:
    from airflow import DAG  # Airflow 2
    from airflow.decorators import task


with DAG(
    "newsletter_weekly",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"owner": "marketing", "retries": 0},
    tags=["marketing"],
    doc_md=__doc__,
):

    @task
    def send():
        return "sent"

    send()
