"""What the store promises, on SQLite and on a real PostgreSQL alike."""

from __future__ import annotations

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, inspect

from bot.core.errors import Permanent, Temporary
from bot.store import incidents, state
from bot.store.database import Store
from bot.store.tables import metadata
from tests.given import at_once
from tests.store.samples import an_incident


class TestSchema:
    def test_it_is_made_from_nothing_and_equals_the_tables(self, store: Store) -> None:
        with store.read() as t:
            context = MigrationContext.configure(t, opts={"compare_type": True, "compare_server_default": True})
            assert compare_metadata(context, metadata) == []
            assert set(inspect(t).get_table_names()) == {*metadata.tables, "alembic_version"}

    def test_bringing_it_up_to_date_twice_changes_nothing(self, store: Store) -> None:
        an_incident(store)
        store.migrate()
        with store.read() as t:
            assert len(incidents.listed(t)) == 1

    def test_a_second_process_can_open_it_while_the_first_lives(self, store: Store) -> None:
        """A lock that outlives the migration would make every later start hang."""
        other = Store(store.url)
        (result,) = at_once(other.migrate)
        other.close()
        assert result is None

    def test_it_is_made_in_one_transaction(self, url: str) -> None:
        """Between two of them another process that starts finds the rest missing as well, and makes it, too."""
        made, commits = Store(url), []
        event.listen(made._engine, "commit", commits.append)
        made.migrate()
        made.close()
        assert len(commits) == 1

    def test_two_processes_that_start_at_once_both_find_it_made(self, url: str) -> None:
        code = f"from bot.store.database import Store; s = Store({url!r}); s.migrate(); s.ping()"
        both = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(2)]
        assert [(process.communicate(timeout=60)[1], process.returncode) for process in both] == [("", 0), ("", 0)]


class TestTransactions:
    def test_a_block_that_fails_leaves_nothing(self, store: Store) -> None:
        def half() -> None:
            with store.write() as t:
                state.keep(t, "a", {"x": 1})
                raise RuntimeError

        with pytest.raises(RuntimeError):
            half()
        with store.read() as t:
            assert state.recall(t, "a") == {}

    def test_a_reader_sees_the_last_commit_and_does_not_wait_for_a_writer(self, store: Store) -> None:
        with store.write() as t:
            state.keep(t, "a", {"x": 1})
            with store.read() as reader:
                assert state.recall(reader, "a") == {}
        with store.read() as reader:
            assert state.recall(reader, "a") == {"x": 1}

    def test_writers_wait_for_each_other_and_none_is_lost(self, store: Store) -> None:
        def add_one() -> None:
            for _ in range(10):
                with store.write() as t:
                    if not store.is_sqlite:
                        incidents.for_change(t, incident.id)
                    state.keep(t, "n", {"n": state.recall(t, "n").get("n", 0) + 1})

        incident = an_incident(store)
        assert at_once(add_one, add_one, add_one) == [None, None, None]
        with store.read() as t:
            assert state.recall(t, "n") == {"n": 30}

    def test_a_database_that_is_away_is_temporary(self, url: str) -> None:
        away = (
            "postgresql+psycopg://windsock@127.0.0.1:1/x" if url.startswith("postgresql") else "sqlite:////no/such/x.db"
        )
        with pytest.raises(Temporary):
            Store(away).ping()

    def test_a_statement_that_the_database_refuses_is_permanent(self, store: Store) -> None:
        with pytest.raises((Permanent, Temporary)), store.write() as t:
            t.exec_driver_sql("select no_such_function_here()")
