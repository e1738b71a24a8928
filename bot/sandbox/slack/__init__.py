"""A local Slack workspace: Web API, Socket Mode, signed HTTP and a page for people.

It is stricter than the real one, so that a payload accepted here is also accepted there.
"""
