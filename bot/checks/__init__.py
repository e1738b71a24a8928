"""The checks that query each Airflow on a schedule, and the search for failures that were never reported."""
