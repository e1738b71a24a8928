"""A report card, for the tests of what is shown of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.responder.lookups.report_card import Card
from bot.responder.questions import RunSeen, TaskSeen

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)


def a_card(**changed: object) -> Card:
    runs = [RunSeen(f"r{n}", "failed" if n == 3 else "success", NOW - timedelta(hours=n), 100.0 + n) for n in range(62)]
    tasks = [
        TaskSeen("load", 62, 1, 4, 200.0, 900.0),
        TaskSeen("quick", 62, 0, 0, 1.0, 2.0),
        TaskSeen("never", 1, 1, 0),
    ]
    given: dict[str, object] = {"deployment": "prod", "dag_id": "sales", "days": 7, "runs": runs, "before": runs[:1],
                                "tasks": tasks, "goal": 99.2, "source": "metastore", "now": NOW}  # fmt: skip
    return Card(**(given | changed))  # type: ignore[arg-type]
