"""Signals: the frozen value, its JSON, and the signature of its cause."""
