"""The questions that are put to Airflow on a schedule, and the comparison of what Airflow says failed with what was reported."""
