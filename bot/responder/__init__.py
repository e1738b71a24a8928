"""The responder turns signals into incidents, shows them, and carries out the actions that people request.

Each function takes the `Services`. A pure function of `core` decides, one transaction records the decision, and only
then is anyone notified.
"""
