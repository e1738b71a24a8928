"""Windsock: a chat-ops incident-response bot for Apache Airflow."""

__version__ = "0.1.0"
