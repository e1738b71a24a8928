"""Finds failures that were never reported, by comparing the incidents with Airflow's own records."""
