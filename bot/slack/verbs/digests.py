"""`digest`: yesterday in a few lines, to the person alone; `digest today` for the day as far as it is."""

from __future__ import annotations

from datetime import timedelta

from bot.responder.lookups import daily_digest as days
from bot.slack import digest as shown
from bot.slack.kit import Message
from bot.slack.verbs.ask import Ask


def digest(ask: Ask) -> Message:
    zone = ask.desk.digest_zone
    day = days.yesterday(ask.desk.clock(), zone) + timedelta(days=1 if ask.said("today") else 0)
    return shown.digest(days.digest(ask.desk, day, zone))
