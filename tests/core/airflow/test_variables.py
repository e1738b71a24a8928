"""What an Airflow holds may be secret: it is not shown by accident."""

from __future__ import annotations

from bot.core.airflow.protocol import Variable


def test_the_value_of_a_variable_is_in_no_repr() -> None:
    variable = Variable("db_password", "swordfish", "for the shop")
    assert "swordfish" not in f"{variable!r} {variable} {[variable]}"
    assert variable != Variable("db_password", "other", "for the shop")
