"""A whole workplace on one machine: a local Slack, a local PagerDuty, a real Airflow. It treats the bot as a stranger."""
