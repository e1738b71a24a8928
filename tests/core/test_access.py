"""Who may do what: the whole matrix of roles and verbs."""

from __future__ import annotations

import pytest

from bot.core.access import NEEDS, Access, Person, Role, access

PEOPLE = {
    Role.viewer: Person("U0EVE", "Eve"),
    Role.responder: Person("U0ANA", "Ana", frozenset({"S0DATA"})),
    Role.operator: Person("U0BEN", "Ben"),
    Role.admin: Person("U0CLEO", "Cleo", frozenset({"S0DATA"})),
}
GRANTED = access({"responder": ["S0DATA"], "operator": ["U0BEN"], "admin": ["U0CLEO"]})
LEAST = {
    "status": Role.viewer, "help": Role.viewer, "show": Role.viewer, "acknowledge": Role.responder, "clear": Role.responder,
    "mark": Role.responder, "pause": Role.responder, "unpause": Role.responder, "trigger": Role.responder,
    "escalate": Role.responder, "silence": Role.responder, "unsilence": Role.responder, "resolve": Role.responder,
    "reopen": Role.responder, "unacknowledge": Role.responder, "backfill": Role.operator, "variable": Role.operator,
    "connection": Role.operator,
}  # fmt: skip


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("verb", sorted(LEAST))
def test_the_matrix_of_roles_and_verbs(role: Role, verb: str) -> None:
    refused = GRANTED.allowed(PEOPLE[role], verb)
    if role >= LEAST[verb]:
        assert refused is None
    else:
        assert refused is not None
        assert refused.reason == f"`{verb}` needs the role *{LEAST[verb]}*; you are a *{role}*."
        assert refused.remedy == LEAST[verb].name


def test_every_verb_that_changes_something_is_in_the_matrix() -> None:
    assert set(NEEDS) <= set(LEAST)


def test_with_nothing_granted_everybody_is_a_viewer() -> None:
    assert {Access().role_of(person) for person in PEOPLE.values()} == {Role.viewer}


def test_everybody_can_be_granted_a_role_and_the_highest_counts() -> None:
    granted = access({"operator": ["*"], "responder": ["U0ANA"]})
    assert {granted.role_of(person) for person in PEOPLE.values()} == {Role.operator}


def test_a_group_that_is_not_known_grants_nothing() -> None:
    assert GRANTED.role_of(Person("U0ANA", "Ana")) is Role.viewer


def test_a_refusal_can_name_who_may() -> None:
    assert GRANTED.holders(Role.operator) == ["U0BEN", "U0CLEO"]


def test_a_role_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"access\.boss: no such role; there are viewer, responder, operator, admin"):
        access({"boss": ["U0ANA"]})
