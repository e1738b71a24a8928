"""Pure logic: what a signal means, what an incident is, what a person may do.

It uses only the standard library, and the clock is always an argument, so everything here can be tested as a table.
"""
