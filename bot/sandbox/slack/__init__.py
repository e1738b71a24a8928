"""A local Slack workspace: Web API, Socket Mode, signed HTTP and a page for people. Stricter than the real one.

Hard case: a payload that real Slack would take today and refuse in a busy week. Rule: what passes here passes there.
"""
