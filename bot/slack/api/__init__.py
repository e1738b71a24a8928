"""Calls to Slack's API: the client and its limits, people, files."""
