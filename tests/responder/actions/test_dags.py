"""A conf that the params refuse is refused before anyone confirms."""

from __future__ import annotations

from pathlib import Path

from bot.core.errors import Refused
from bot.responder.actions import dags
from tests.responder.flows import ANA, memory, planned, services_of


def test_a_conf_that_the_params_refuse_is_told_before_anybody_confirms(tmp_path: Path) -> None:
    from bot.core.airflow.variables import Param

    airflow = memory(
        params={"n": Param("n", 3, {"type": "integer", "minimum": 1}), "day": Param("day", None, {"type": "string"})}
    )
    services = services_of(airflow, tmp_path)
    refused = dags.plan_trigger(services, ANA, "prod", "sales", {"n": 0}, "C1")
    assert isinstance(refused, Refused)
    assert "n must be at least 1, not 0; day is required" in refused.reason
    odd = planned(dags.plan_trigger(services, ANA, "prod", "sales", {"n": 5, "day": "x", "m": 1}, "C1"))
    assert odd.warnings == ("m isn't a param of the DAG; it knows day, n",)
