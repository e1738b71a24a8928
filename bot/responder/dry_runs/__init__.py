"""Dry runs by subject, behind `bot.responder.dry_run.look`."""
