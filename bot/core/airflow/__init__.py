"""What the bot knows of an Airflow: the protocol that both majors implement, and the values that it exchanges."""
