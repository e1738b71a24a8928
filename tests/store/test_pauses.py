"""Pauses that end by themselves survive a restart, one row a DAG."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bot.store import pauses
from bot.store.database import Store
from tests.given import NOW


def test_a_pause_is_there_until_its_time_is_over_and_until_it_is_removed(tmp_path: Path) -> None:
    url, long_name = f"sqlite:///{tmp_path / 's.db'}", "x" * 250
    store = Store(url)
    store.migrate()
    with store.write() as t:
        pauses.add(t, "prod", long_name, NOW + timedelta(hours=2), {"by": "Ana"})
        pauses.add(t, "prod", "sales", NOW + timedelta(hours=1), {"by": "Ben"})
        pauses.add(t, "prod", "sales", NOW + timedelta(hours=3), {"by": "Ben"})  # longer now
    store.close()
    store = Store(url)
    with store.read() as t:
        assert [row["dag_id"] for row in pauses.all_of(t)] == [long_name, "sales"]
        assert pauses.over(t, NOW + timedelta(hours=1)) == []
        assert [row["by"] for row in pauses.over(t, NOW + timedelta(hours=2))] == ["Ana"]
    with store.write() as t:
        pauses.remove(t, "prod", long_name)
    with store.read() as t:
        assert [row["dag_id"] for row in pauses.all_of(t)] == ["sales"]
    store.close()
