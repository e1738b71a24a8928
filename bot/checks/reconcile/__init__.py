"""Finds the failures that nothing reported, by comparing the incidents with what Airflow itself says."""
