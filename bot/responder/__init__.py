"""What the bot does: signals become incidents, incidents are shown, people act on them.

Each function takes the `Services`. A pure function of `core` decides, one transaction records the decision, and only
then is anyone notified.
"""
