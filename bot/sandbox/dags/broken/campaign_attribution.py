"""Attributes sales to campaigns. Its module is missing here, so the file cannot be imported: a broken DAG."""

from datetime import datetime, timezone

import campaign_toolkit

try:
    from airflow.sdk import DAG, task  # Airflow 3
except ImportError:
    from airflow import DAG  # Airflow 2
    from airflow.decorators import task


with DAG(
    "campaign_attribution",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"owner": "marketing", "retries": 0},
    tags=["marketing"],
    doc_md=__doc__,
):

    @task
    def attribute():
        return campaign_toolkit.attribute()

    attribute()
