"""Modals: their forms, and the ones that are open."""
