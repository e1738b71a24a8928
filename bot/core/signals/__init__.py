"""Signals: the frozen value, its JSON form, and the signature of its cause."""
