"""A person takes an incident: presses, silences, and the summary that is exported."""
