"""Who may do what: the whole matrix of roles and verbs, by default, in a deployment of its own, and under a rule."""

from __future__ import annotations

from typing import Any

import pytest

from bot.config.access import access
from bot.core.access import NEEDS, READS, SOMEWHERE, About, Access, No, Person, Yes
from bot.core.roles import Role

PEOPLE = {
    Role.viewer: Person("U0EVE", "Eve"),
    Role.responder: Person("U0ANA", "Ana", frozenset({"S0DATA"})),
    Role.operator: Person("U0BEN", "Ben"),
    Role.admin: Person("U0CLEO", "Cleo", frozenset({"S0DATA"})),
}
GRANTED = access({"responder": ["S0DATA"], "operator": ["U0BEN"], "admin": ["U0CLEO"]})
# in `prod` responders are operators' business; finance's DAGs ask for one more role for what changes Airflow
RULED = access({
    "responder": ["S0DATA"], "operator": ["U0BEN"], "admin": ["U0CLEO"],
    "deployment": {"prod": {"responder": ["U0BEN"], "operator": ["U0CLEO"]}},
    "rules": [
        {"verbs": ["clear", "mark"], "tag": "finance", "role": "operator", "second_person": True},
        {"verbs": ["trigger"], "dag": "sandbox_*", "role": "viewer"},
        {"verbs": ["pause", "unpause"], "deployment": "p*", "role": "admin"},
    ],
})  # fmt: skip
V, R, OP, A = Role.viewer, Role.responder, Role.operator, Role.admin
# verb: the least role by default (dev), on a DAG with the tag finance, on a sandbox DAG, in prod
LEAST = {
    "status": (V, V, V, V), "help": (V, V, V, V), "show": (V, V, V, V),
    "acknowledge": (R, R, R, R), "unacknowledge": (R, R, R, R), "resolve": (R, R, R, R), "reopen": (R, R, R, R),
    "silence": (R, R, R, R), "unsilence": (R, R, R, R), "escalate": (R, R, R, R),
    "clear": (R, OP, R, R), "mark": (R, OP, R, R), "pause": (R, R, R, A), "unpause": (R, R, R, A), "trigger": (R, R, V, R),
    "backfill": (OP, OP, OP, OP), "variable": (OP, OP, OP, OP), "connection": (OP, OP, OP, OP), "audit": (OP, OP, OP, OP),
}  # fmt: skip
ABOUT = (
    About("dev", {"sales": ("daily",)}, 3),
    About("dev", {"ledger": ("finance", "daily")}, 3),
    About("dev", {"sandbox_a": ()}, 3),
    About("prod", {"sales": ()}, 3),
)
HELD_IN_PROD = {V: V, R: V, OP: R, A: A}  # what each of PEOPLE is in prod


@pytest.mark.parametrize("place", range(4), ids=["default", "tag", "name", "prod"])
@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("verb", sorted(LEAST))
def test_the_matrix_of_roles_and_verbs(role: Role, verb: str, place: int) -> None:
    needed, about = LEAST[verb][place], ABOUT[place]
    held = HELD_IN_PROD[role] if place == 3 else role
    decided = RULED.decide(PEOPLE[role], verb, about)
    assert isinstance(decided, Yes if held >= needed else No), decided
    if isinstance(decided, No):
        assert decided.missing is needed
        assert f"needs the role *{needed}*" in decided.reason
        assert decided.refused.missing is needed


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("verb", sorted(LEAST))
def test_without_rules_a_refusal_says_verb_role_and_what_one_is(role: Role, verb: str) -> None:
    refused = GRANTED.allowed(PEOPLE[role], verb)
    if role >= LEAST[verb][0]:
        assert refused is None
    else:
        assert refused is not None
        assert refused.reason == f"`{verb}` needs the role *{LEAST[verb][0]}*; you are a *{role}*."
        assert refused.missing is LEAST[verb][0]


def test_every_verb_that_changes_something_is_in_the_matrix() -> None:
    assert set(NEEDS) | set(READS) <= set(LEAST)


def test_with_nothing_granted_everybody_is_a_viewer() -> None:
    assert {Access().role_of(person) for person in PEOPLE.values()} == {Role.viewer}


def test_everybody_can_be_granted_a_role_and_the_highest_counts() -> None:
    granted = access({"operator": ["*"], "responder": ["U0ANA"]})
    assert {granted.role_of(person) for person in PEOPLE.values()} == {Role.operator}


def test_a_group_that_is_not_known_grants_nothing_and_the_refusal_says_that_slack_was_not_asked() -> None:
    lost = Person("U0ANA", "Ana", unasked="Slack does not answer")
    assert GRANTED.role_of(lost) is Role.viewer
    decided = GRANTED.decide(lost, "clear", About("prod"))
    assert isinstance(decided, No)
    assert decided.reason.endswith("Slack could not be asked who is in the user groups: Slack does not answer.")


@pytest.mark.parametrize("verb", ["status", "clear"])
def test_nothing_is_taken_from_a_barred_account_not_even_from_an_admin(verb: str) -> None:
    decided = GRANTED.decide(Person("U0CLEO", "Cleo", barred="a deactivated account"), verb, SOMEWHERE, Role.admin)
    assert decided == No(None, "Windsock takes nothing from a deactivated account.")


def test_a_refusal_can_name_who_may() -> None:
    assert GRANTED.holders(Role.operator) == ["U0BEN", "U0CLEO"]
    assert RULED.holders(Role.responder, "prod") == ["U0BEN", "U0CLEO"]
    refused = RULED.decide(PEOPLE[R], "clear", About("prod", {"sales": ()}))
    assert isinstance(refused, No)
    assert refused.holders == ("U0BEN", "U0CLEO")
    assert refused.reason == "`clear` needs the role *responder*; you are a *viewer* in prod."


@pytest.mark.parametrize(("about", "needed", "words"), [
    (About("dev", {"sales": ()}, 50), R, ""),
    (About("dev", {"sales": ()}, 51), OP, "of 51 task instances (more than 50)"),
    (About("dev", {"sales": ()}, 2, whole=True), OP, "of whole runs"),
])  # fmt: skip
def test_a_wide_clear_asks_for_an_operator(about: About, needed: Role, words: str) -> None:
    decided = GRANTED.decide(PEOPLE[R], "clear", about)
    assert isinstance(decided, Yes if needed is R else No)
    if isinstance(decided, No):
        assert words in decided.reason
    assert isinstance(GRANTED.decide(PEOPLE[OP], "clear", about), Yes)
    assert isinstance(GRANTED.decide(PEOPLE[R], "pause", about), Yes)


def test_how_much_is_wide_is_a_setting() -> None:
    granted = access({"responder": ["*"], "wide": 2})
    assert isinstance(granted.decide(PEOPLE[V], "clear", About("dev", {"a": ()}, 3)), No)


def test_one_dag_under_a_rule_among_others_makes_the_whole_list_its_own() -> None:
    several = About("dev", {"sales": (), "ledger": ("finance",), "sandbox_a": ()}, 3)
    assert isinstance(RULED.decide(PEOPLE[R], "clear", several), No)
    assert RULED.decide(PEOPLE[OP], "clear", several) == Yes(needs_second_person=True)
    assert isinstance(RULED.decide(PEOPLE[V], "trigger", About("dev", {"sandbox_a": (), "sales": ()})), No)


def test_the_first_rule_that_fits_counts() -> None:
    first = {"verbs": ["clear"], "dag": "ledger_test", "role": "responder"}
    granted = access({"responder": ["*"], "rules": [first, {"verbs": ["clear"], "dag": "ledger_*", "role": "admin"}]})
    assert isinstance(granted.decide(PEOPLE[V], "clear", About("dev", {"ledger_test": ()})), Yes)
    assert isinstance(granted.decide(PEOPLE[V], "clear", About("dev", {"ledger_day": ()})), No)


def test_where_the_deployment_is_not_known_the_role_must_be_held_in_all_of_them() -> None:
    assert isinstance(RULED.decide(PEOPLE[OP], "variable", About()), No), "in prod only Cleo is one"
    assert isinstance(RULED.decide(PEOPLE[A], "variable", About()), Yes)
    assert isinstance(RULED.decide(PEOPLE[OP], "variable", SOMEWHERE), Yes), "asked again when it is known"


def test_a_deployment_can_widen_as_well_as_narrow() -> None:
    granted = access({"responder": ["U0ANA"], "deployment": {"dev": {"operator": ["*"]}, "prod": {"responder": []}}})
    eve, ana = PEOPLE[V], PEOPLE[R]
    assert granted.role_of(eve, "dev") is OP
    assert granted.role_of(eve, "stage") is V
    assert granted.role_of(ana, "stage") is R
    assert granted.role_of(ana, "prod") is V


def test_a_broken_glass_gives_the_role_and_is_marked() -> None:
    about = About("dev", {"sales": ()}, 99)
    assert GRANTED.decide(PEOPLE[R], "clear", about, Role.operator) == Yes(by_break_glass=True)
    assert GRANTED.decide(PEOPLE[R], "acknowledge", about, Role.operator) == Yes(), "by a role of her own"
    assert isinstance(GRANTED.decide(PEOPLE[R], "clear", about, Role.responder), No)


def test_slack_is_asked_about_every_group_that_is_named_anywhere() -> None:
    granted = access(
        {"responder": ["S1", "U1"], "deployment": {"prod": {"admin": ["S2"]}}, "break_glass": {"who": ["S3"]}}
    )
    assert granted.groups == {"S1", "S2", "S3"}
    assert not GRANTED.asks_tags("clear", "prod")
    assert RULED.asks_tags("clear", "prod")
    assert not RULED.asks_tags("pause", "prod")


def test_a_rule_without_verbs_lowers_nothing_that_asks_for_an_operator() -> None:
    by_rule = access({"operator": ["U0BEN"], "rules": [{"dag": "sandbox_*", "role": "viewer"}]})
    eve, sandbox = PEOPLE[Role.viewer], About("dev", {"sandbox_a": ()}, 1)
    assert isinstance(by_rule.decide(eve, "clear", sandbox), Yes)
    assert [by_rule.needed(verb, sandbox) for verb in ("backfill", "variable", "connection")] == [Role.operator] * 3
    assert isinstance(by_rule.decide(eve, "backfill"), No)
    named = access({"rules": [{"dag": "sandbox_*", "role": "viewer", "verbs": ["backfill"]}]})
    assert isinstance(named.decide(eve, "backfill", sandbox), Yes)


@pytest.mark.parametrize(
    ("first", "second", "hidden"),
    [
        ({"dag": "ledger_*"}, {"dag": "ledger_eu_*"}, True),
        ({"dag": "ledger_eu_*"}, {"dag": "ledger_*"}, False),
        ({"dag": "ledger_*"}, {"tag": "finance"}, False),
        ({}, {"tag": "finance"}, True),
        ({"verbs": ["clear"]}, {"tag": "finance"}, False),
        ({"verbs": ["clear", "mark"], "dag": ["a", "b*"]}, {"verbs": ["mark"], "dag": ["bc", "a"], "deployment": "p"}, True),
        ({"deployment": "prod"}, {"deployment": "*"}, False),
    ],
)  # fmt: skip
def test_a_rule_behind_one_that_is_about_all_of_it_is_told(
    first: dict[str, Any], second: dict[str, Any], hidden: bool
) -> None:
    table = access({"rules": [first | {"role": "operator"}, second | {"role": "admin"}]})
    assert table.shadowed() == ([(1, 0)] if hidden else [])
