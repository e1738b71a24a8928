"""Slack's rules, as strict as Slack's own: shapes, limits, rates and errors."""
