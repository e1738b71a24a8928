"""Airflow as the bot sees it: the protocol that both majors implement, and the values that it exchanges."""
