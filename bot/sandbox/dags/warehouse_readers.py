"""Six DAGs that read one warehouse. It refuses connections, so all six fail for one and the same reason."""

from datetime import datetime, timezone

try:
    from airflow.sdk import DAG, task  # Airflow 3
except ImportError:
    from airflow import DAG  # Airflow 2
    from airflow.decorators import task


from psycopg2 import OperationalError

READERS = {
    "ledger_daily": ("finance", 21),
    "invoices_daily": ("finance", 22),
    "payments_hourly": ("payments", 21),
    "refunds_hourly": ("payments", 23),
    "stock_daily": ("logistics", 22),
    "shipments_daily": ("logistics", 24),
}


def connect(host):
    raise OperationalError(
        f'connection to server at "10.0.7.{host}", port 54{host} failed: Connection refused\n'
        "\tIs the server running on that host and accepting TCP/IP connections?"
    )


def build(dag_id, owner, host):
    """Builds the DAG that reads one part of the warehouse."""
    with DAG(
        dag_id,
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        default_args={"owner": owner, "retries": 0},
        tags=["warehouse", owner],
        doc_md=__doc__,
    ) as dag:

        @task
        def read_warehouse(ti=None):
            if ti.try_number == 1:
                connect(host)
            return "the warehouse is back"

        @task
        def write_report(state):
            print(state)

        write_report(read_warehouse())
    return dag


for name, (team, number) in READERS.items():
    globals()[name] = build(name, team, number)
