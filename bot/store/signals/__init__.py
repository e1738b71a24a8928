"""Signals as they are stored, observed and counted; events from elsewhere that were heard."""
