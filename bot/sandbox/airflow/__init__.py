"""Starts a real Airflow for the demo and the tests."""
