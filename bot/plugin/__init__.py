"""What runs inside Airflow: one file that imports nothing of ours (`windsock_airflow.py`)."""
