"""Imports customers, one mapped task a region. Two of the eight regions send a file with a missing column."""

from datetime import datetime, timezone

try:
    from airflow.sdk import DAG, task  # Airflow 3
except ImportError:
    from airflow import DAG  # Airflow 2
    from airflow.decorators import task


REGIONS = ["at", "be", "ch", "de", "es", "fr", "it", "nl"]
LATE = {"de", "it"}


def read_columns(region):
    if region in LATE:
        raise KeyError("postal_code")
    return ["id", "name", "postal_code"]


with DAG(
    "customers_import",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"owner": "crm", "retries": 0},
    tags=["crm"],
    doc_md=__doc__,
):

    @task
    def import_region(region, ti=None):
        if ti.try_number > 1:
            return region  # the region has sent its file again
        return len(read_columns(region))

    import_region.expand(region=REGIONS)
