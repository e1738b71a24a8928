"""The pure heart: what a signal means, what an incident is, what a person may do.

Standard library only; the clock is always an argument. Everything here can be tested as a table.
"""
