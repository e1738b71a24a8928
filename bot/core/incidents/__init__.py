"""Incidents as pure functions and frozen values: their lifecycle, their routing, and what an alert shows."""
