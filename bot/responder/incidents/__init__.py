"""What people do with incidents: presses, silences, and the summary that is exported."""
