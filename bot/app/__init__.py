"""Builds the bot from its settings, runs it and reports the state of its parts."""
