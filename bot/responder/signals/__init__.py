"""A report becomes an incident: accepted, observed, placed."""
