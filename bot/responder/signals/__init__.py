"""Turns signals into incidents: intake, observation and placement."""
