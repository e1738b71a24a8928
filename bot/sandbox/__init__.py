"""A complete environment on one machine: a local Slack, a local PagerDuty, a real Airflow. It uses the bot only over
HTTP."""
