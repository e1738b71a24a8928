"""Incidents are shown: delivery of what is owed, threads, announcements and reminders."""
