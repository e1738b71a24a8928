"""Answers to commands and presses."""
