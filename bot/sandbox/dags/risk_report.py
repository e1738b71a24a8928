"""The risk report for the regulator, tagged `critical`: its failure is paged. Cleared, it succeeds."""

from datetime import datetime, timezone

try:
    from airflow.sdk import DAG, task  # Airflow 3
except ImportError:
    from airflow import DAG  # Airflow 2
    from airflow.decorators import task


def sum_exposure(positions, try_number):
    if try_number == 1:
        raise ZeroDivisionError("no positions for desk EMEA-7: cannot divide by 0")
    return sum(positions)


with DAG(
    "risk_report",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"owner": "risk", "retries": 0},
    tags=["critical", "regulatory"],
    doc_md=__doc__,
):

    @task
    def compute_exposure(ti=None):
        return sum_exposure([3, 4], ti.try_number)

    @task
    def send_report(total):
        print(f"exposure {total}")

    send_report(compute_exposure())
