"""A local PagerDuty: its events API, its REST API, its webhooks and a web page."""
