"""Status: each deployment, the coverage, who has what."""

from __future__ import annotations

from dataclasses import replace

from bot.core.incidents.view import DeploymentStatus, Status
from bot.slack.replies import status
from tests.slack.reading import checked, last, line
from tests.slack.samples import (
    FAILED_AT,
    held,
    incident,
    minutes,
    view,
)

PARTS = (("scheduler", True, 2), ("triggerer", None, None), ("dag_processor", True, 6), ("metadatabase", True, None))

PROD = DeploymentStatus(
    "prod", "3.3.2", components=PARTS,
    answer_seconds=0.004, running=8, queued=12, dags_active=61, dags_total=64, import_errors=0,
)  # fmt: skip


def test_status_says_how_each_deployment_is_and_who_has_what() -> None:
    views = [view(held(id=12), now=minutes(6)), view(incident(id=14), now=minutes(6))]
    message = checked(status.status(Status([PROD], views, minutes(6), [(3, minutes(66))])))
    assert [b["text"]["text"] for b in message["blocks"] if b["type"] == "section"] == [
        "*prod is well* (Airflow 3.3.2)\n✓ scheduler 2 s   ✓ DAG processor 6 s   ✓ metastore 4 ms\n"
        "8 tasks running · 12 queued · 61 of 64 DAGs active · 0 import errors",
        "👀 *A-12* sales_daily.load: warehouse refused the connection · Ana, 4 min\n"
        "🔴 *A-14* sales_daily.load failed: warehouse refused the connection · *nobody*, 6 min",
    ]
    assert last(message).endswith(" · 1 silence, ends 06:18 UTC · `open` lists alerts, `help` lists verbs")
    assert message["text"].startswith("prod is well. 2 open alerts: A-12 sales_daily.load, Ana has it; A-14 ")


def test_status_says_how_many_failures_were_told_and_by_whom() -> None:
    told = replace(PROD, failures_known=12, failures_by_hook=11, failures_by_sweep=1)
    assert "Told 12 of 12 failures in 24 h: 11 by hooks · 1 by the sweep" in line(
        checked(status.status(Status([told], [], FAILED_AT))), "section"
    )
    assert "Told" not in line(
        checked(status.status(Status([replace(told, failures_known=0)], [], FAILED_AT))), "section"
    )


def test_a_deployment_that_does_not_answer_is_said_and_harms_no_other() -> None:
    dead = DeploymentStatus("old", trouble="connection refused <!here>")
    message = checked(status.status(Status([PROD, dead], [], minutes(6))))
    assert message["text"].startswith("prod is well · old is not well. No open alerts.")
    assert "⚠️ *old does not answer*\nconnection refused &lt;!here&gt;" in repr(message).replace("\\n", "\n")
    ill = replace(PROD, components=(("scheduler", False, 94),), findings=("the scheduler is silent",))
    message = checked(status.health(Status([ill], [], minutes(6))))
    assert "*prod is not well* (Airflow 3.3.2)\n✗ scheduler 94 s" in line(message, "section")
    assert "✗ the scheduler is silent" in line(message, "section")
