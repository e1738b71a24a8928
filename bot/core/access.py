"""Who may do what: four roles, least first, and the role each verb asks for.

Hard case: Slack cannot be asked who is in a user group. Then the answer is the least role that we know for certain
(closed, not open). Rule: every change of Airflow or of an incident passes `allowed` before anything is planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from bot.core.errors import Refused

EVERYBODY = "*"


class Role(IntEnum):
    """Least first; each role may do all that the ones before it may."""

    viewer = 0
    responder = 1
    operator = 2
    admin = 3

    def __str__(self) -> str:
        return self.name


_RESPONDER = ("acknowledge", "unacknowledge", "resolve", "reopen", "silence", "unsilence", "clear", "mark", "pause",
              "unpause", "trigger", "escalate")  # fmt: skip
_OPERATOR = ("backfill", "variable", "connection")
NEEDS: dict[str, Role] = dict.fromkeys(_RESPONDER, Role.responder) | dict.fromkeys(_OPERATOR, Role.operator)


@dataclass(frozen=True, slots=True)
class Person:
    """A Slack user: id, the first name that messages use, and the user groups as far as they are known."""

    id: str
    name: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Access:
    """`grants` maps each role to Slack users (`U…`), user groups (`S…`) or `*` for everybody."""

    grants: Mapping[Role, frozenset[str]] = field(default_factory=dict)

    def role_of(self, person: Person) -> Role:
        """The highest role that names the person or one of their groups; a viewer when none does."""
        names = {EVERYBODY, person.id} | person.groups
        return max((role for role, granted in self.grants.items() if granted & names), default=Role.viewer)

    def holders(self, role: Role) -> list[str]:
        """The ids that a refusal may name: whoever has the role or a higher one."""
        return sorted({name for held, granted in self.grants.items() if held >= role for name in granted})

    def allowed(self, person: Person, verb: str) -> Refused | None:
        """None when the person may; else a refusal that says which role is missing."""
        needed, held = NEEDS.get(verb, Role.viewer), self.role_of(person)
        if held >= needed:
            return None
        return Refused(f"`{verb}` needs the role *{needed}*; you are a *{held}*.", needed.name)


def access(grants: Mapping[str, Iterable[str]]) -> Access:
    """Access from the `[access]` table. Raises ValueError that names an unknown role."""
    unknown = sorted(set(grants) - {role.name for role in Role})
    if unknown:
        raise ValueError(f"access.{unknown[0]}: no such role; there are {', '.join(role.name for role in Role)}")
    return Access({Role[name]: frozenset(ids) for name, ids in grants.items()})
