"""Shows incidents: delivery of owed alerts, threads, announcements and reminders."""
