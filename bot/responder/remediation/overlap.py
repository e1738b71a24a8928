"""The refusal that a person reads when another person is already changing the same things."""

from __future__ import annotations

from bot.core.access import Person
from bot.core.errors import Refused
from bot.core.remediation import ACTIVE, Plan
from bot.store.at_work import Overlap

_DOES = {"clear": ("clearing", "cleared"), "mark": ("marking", "marked"), "pause": ("pausing", "paused"),
         "unpause": ("unpausing", "unpaused"), "trigger": ("triggering", "triggered"),
         "backfill": ("backfilling", "backfilled"), "variable": ("setting", "set")}  # fmt: skip
_NAMED = 5


def refused(overlap: Overlap, plan: Plan, person: Person) -> Refused:
    """A refusal such as `Ana is already clearing these 12 (started 05:59 UTC).`"""
    other = overlap.remediation
    doing, did = _DOES.get(other.plan.action, (f"at work ({other.plan.action}) on", "changed"))
    at, them = f"{other.asked_at:%H:%M} UTC", _them(overlap, plan)
    mine = other.person.id == person.id
    if other.progress in ACTIVE:
        said = f"{'You are' if mine else f'{other.person.name} is'} already {doing} {them} (started {at})."
    else:
        said = (
            f"{'You' if mine else other.person.name} {did} {them} at {at}, after your list was made; ask for a new one."
        )
    follow = f"show A-{other.incident_id}" if other.incident_id else "open"
    return Refused(f"{said}", follow)


def _them(overlap: Overlap, plan: Plan) -> str:
    """`these 12`, `load`, or `5 of these 12: load, publish and 3 more`."""
    all_of_them, some = len(plan.changes), sorted(set(overlap.things))
    if all_of_them == 1:
        return plan.changes[0].what
    if len(overlap.things) == all_of_them:
        return f"these {all_of_them}"
    more = f" and {len(some) - _NAMED} more" if len(some) > _NAMED else ""
    return f"{len(overlap.things)} of these {all_of_them}, {', '.join(some[:_NAMED])}{more},"
