"""What the audit says of one request, and one line of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class Request:
    """What a person sent: by which command or button, in which channel, a link to the message. The rest is filled in while
    it is worked on."""

    verb: str
    argument: str
    link: str = ""
    allowed: bool = True
    outcome: str = ""
    written: int = 0
    deployment: str = ""
    incident_id: int | None = None
    plan_digest: str = ""
    by_break_glass: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the audit. `second` and `second_id` are the person who approved; empty where none was needed."""

    id: int
    at: datetime
    who: str
    who_id: str
    verb: str
    argument: str
    allowed: bool
    outcome: str
    incident_id: int | None
    plan_digest: str
    deployment: str
    second: str
    second_id: str
    break_glass: bool
    link: str
