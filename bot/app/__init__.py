"""Builds the bot from its settings, runs it and says how well each part is."""
