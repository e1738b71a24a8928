"""What the bot does, one function a verb: report, press, plan, confirm, carry out, catch up, look.

Each verb is a function of the `Services`, which holds what is needed to decide; edges call verbs and nothing else. Rule: a
decision is made by a pure function of `core`, written down in one transaction, and only then told to anybody.
"""
