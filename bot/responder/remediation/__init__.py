"""Confirms planned actions, holds them if a rule asks for a second person, carries them out and watches them."""
