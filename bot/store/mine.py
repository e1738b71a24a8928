"""What one person did: their remediations and presses, newest first, for their App Home.

Rule: this only reads, and never more than was asked for.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, select

from bot.core.remediation import Remediation
from bot.store import remediations as rows
from bot.store.audit import Line, lines
from bot.store.tables import plans, remediations

_DONE = frozenset({"open", "acknowledged", "resolved", "ended"})  # what the responder writes of a press that was done
_SILENCE = re.compile(r"S-\d+")


def remediations_of(t: Connection, person_id: str, limit: int) -> list[Remediation]:
    """The last ones that this person asked for."""
    query = (
        select(remediations.c.id).join(plans, plans.c.id == remediations.c.plan_id)
        .where(plans.c.person_id == person_id).order_by(remediations.c.id.desc()).limit(limit)
    )  # fmt: skip
    return [found for row in t.execute(query) if (found := rows.get(t, row.id))]


def presses_of(t: Connection, person_id: str, verbs: frozenset[str], limit: int) -> list[Line]:
    """The last presses of these verbs that changed something; what was refused, or only looked at, is none."""
    found = lines(t, who_id=person_id, limit=20 * limit)
    return [line for line in found if line.verb in verbs and line.who_id == person_id and _changed(line)][:limit]


def _changed(line: Line) -> bool:
    return line.allowed and (line.outcome in _DONE or bool(_SILENCE.fullmatch(line.outcome)))
