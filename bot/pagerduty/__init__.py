"""The edge to PagerDuty: events to it, and who is on call."""
