"""On Airflow 2 a backfill is a run for each date."""

from __future__ import annotations

from pathlib import Path

from bot.core.remediation import Progress
from bot.responder.remediation import carry_out
from tests.responder.flows import (
    SILENT,
    Trouble,
    confirmed,
    memory,
    planned,
    services_of,
)
from tests.responder.remediation.test_carry_out import DEEDS


def test_a_backfill_on_airflow_2_is_a_run_a_date_under_an_id_of_its_own(tmp_path: Path) -> None:
    airflow = memory(major=2, version="2.11.2", can_address_map_index=False, has_backfill=False)
    services = services_of(airflow, tmp_path)
    plan = planned(DEEDS["backfill"][0](services))
    assert "2.11.2 has no backfill in its API" in plan.warnings[0]
    assert [change.what[:10] for change in plan.changes] == ["2026-11-21", "2026-11-22", "2026-11-23"]
    airflow.trouble.extend([None, Trouble(SILENT, acts=True)])
    ended = carry_out.carry_on(services, confirmed(services, plan), lambda _: None)
    assert ended.progress is Progress.done
    assert [call[1] for call in airflow.calls] == [
        f"windsock_backfill__2026-11-{day}T00:00:00+00:00" for day in (21, 22, 23)
    ]
    assert all(f"new run, {call[1]}" in change.after for call, change in zip(airflow.calls, plan.changes, strict=True))
