"""`windsock demo`: a real Airflow, a local Slack and PagerDuty, and the bot."""
