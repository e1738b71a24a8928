"""The slash verbs: one function each, listed in one registry from which help is made.

Adding a verb: write its function in `look`, `act` or `alerts`, and give it a line in `registry`.
"""
