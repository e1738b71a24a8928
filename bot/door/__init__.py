"""The door: a process of its own that holds the port, takes plain signals, and gives everything else on to the bot.

Hard case: a storm, while the bot observes, renders and talks to Slack. A sender waits for one commit and for nobody's
interpreter. Rule: only what is right in every way is taken here; whatever is odd goes to the bot as it came, and is answered
there.
"""
