"""The adapter for Airflow 3.x: the REST API `/api/v2` and Airflow's generated client."""
