"""Reads Airflow's metadata database, read-only and with a time limit."""
