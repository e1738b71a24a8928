"""Signals as they are stored, observed and counted; events from other services that were received."""
