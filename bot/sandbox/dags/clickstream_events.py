"""Loads the click stream in 200 mapped pieces, and every one of them fails: a storm. Trigger it to see one message."""

from datetime import datetime, timezone

try:
    from airflow.sdk import DAG, task  # Airflow 3
except ImportError:
    from airflow import DAG  # Airflow 2
    from airflow.decorators import task


PIECES = 200


def put_object(piece):
    raise PermissionError(f"PutObject on s3://clicks/part-{piece:05d}: AccessDenied (request 8F{piece:06X})")


with DAG(
    "clickstream_events",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"owner": "web", "retries": 0},
    tags=["web"],
    doc_md=__doc__,
):

    @task
    def load_piece(piece):
        put_object(piece)

    load_piece.expand(piece=list(range(PIECES)))
