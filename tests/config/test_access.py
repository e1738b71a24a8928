"""The `[access]` table: what is said is what is meant, and what cannot be meant is refused by name with the remedy."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from typing import Any

import pytest

from bot.config.access import access
from bot.core.roles import Role

WHOLE = """
responder = ["S0DATA"]
operator = ["U0BEN"]
wide = 20
[deployment.prod]
responder = []
[[rules]]
verbs = ["retry", "mark"]
tag = "finance"
dag = ["ledger_*", "fx_*"]
deployment = "prod"
role = "operator"
second_person = true
[break_glass]
who = ["S0ONCALL"]
minutes = 20
"""


def test_the_whole_table_is_read() -> None:
    granted = access(tomllib.loads(WHOLE))
    assert granted.grants == {Role.responder: {"S0DATA"}, Role.operator: {"U0BEN"}}
    assert granted.deployments == {"prod": {Role.responder: frozenset()}}
    assert granted.wide == 20
    (rule,) = granted.rules
    assert rule.verbs == {"clear", "mark"}
    assert rule.tags + rule.dags == ("finance", "ledger_*", "fx_*")
    assert (rule.deployments, rule.role, rule.second_person) == (("prod",), Role.operator, True)
    assert granted.break_glass.who == {"S0ONCALL"}
    assert granted.break_glass.role is Role.operator
    assert granted.break_glass.longest == timedelta(minutes=20)


@pytest.mark.parametrize(("table", "said"), [
    ({"boss": ["U1"]}, "access.boss: no such role; there are viewer, responder, operator, admin"),
    ({"responder": "U1"}, "access.responder: must be a list of Slack ids"),
    ({"responder": ["ana"]}, "access.responder: 'ana' isn't a Slack id; a user's begins with U or W"),
    ({"wide": 0}, "access.wide: must be between 1 and"),
    ({"wide": True}, "access.wide: must be a whole number"),
    ({"deployment": {"prod": {"boss": []}}}, "access.deployment.prod.boss: no such role"),
    ({"deployment": {"prod": ["U1"]}}, "access.deployment.prod: must be a table; write [access.deployment.prod]"),
    ({"rules": {"verbs": ["clear"]}}, "access.rules: must be a list of tables; write [[access.rules]]"),
    ({"rules": [{"verb": "clear", "role": "admin"}]}, "access.rules[0].verb: no such field; there are verbs, tag"),
    ({"rules": [{"verbs": ["clear"]}]}, "access.rules[0]: says neither role nor second_person"),
    ({"rules": [{"verbs": ["status"], "role": "admin"}]}, "access.rules[0].verbs: 'status' isn't a verb that changes something"),
    ({"rules": [{"role": "boss"}]}, "access.rules[0].role: no such role"),
    ({"rules": [{"tag": 3, "role": "admin"}]}, "access.rules[0].tag: must be a word or a list of words"),
    ({"rules": [{"second_person": "yes"}]}, "access.rules[0].second_person: must be true or false"),
    ({"rules": [{"verbs": ["ack"], "second_person": True}]}, "access.rules[0].second_person: only what shows a list first"),
    ({"break_glass": {"whom": []}}, "access.break_glass.whom: no such field; there are who, role, minutes"),
    ({"break_glass": {"who": ["*"], "role": "viewer"}}, "access.break_glass.role: a viewer may change nothing"),
    ({"break_glass": {"who": ["*"], "minutes": 9999}}, "access.break_glass.minutes: must be between 1 and 1440"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_by_name(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        access(table)
