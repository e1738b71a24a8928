"""The slash verbs: one function each, listed in one registry, which is also the source of the help.

To add a verb, write its function in a module of this folder and add a row to `registry`.
"""
