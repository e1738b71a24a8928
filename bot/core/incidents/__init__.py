"""Incidents as pure functions and frozen values: their life, how they are routed, and what an alert shows."""
