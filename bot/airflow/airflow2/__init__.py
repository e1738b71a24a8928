"""The adapter for Airflow 2.x: the stable REST API `/api/v1`."""
