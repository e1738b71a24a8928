"""The audit, on SQLite and on a real PostgreSQL alike: append-only by the database's own word, without secrets."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.core.access import Person
from bot.core.audit import Line, Request
from bot.core.errors import Permanent, Temporary
from bot.store import audit
from bot.store.database import Store
from tests.given import ANA, BEN, NOW

EVE = Person("U0EVE", "Eve")


def written(store: Store, person: Person = ANA, verb: str = "clear", argument: str = "sales", **more: object) -> None:
    given: dict[str, object] = {"allowed": True, "outcome": "asked", **more}
    with store.write() as t:
        audit.record(t, NOW, person, verb, argument, **given)  # type: ignore[arg-type]


def lines(store: Store, **asked: object) -> list[Line]:
    with store.read() as t:
        return audit.lines(t, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("deed", ["update audit set allowed = (1 = 1)", "update audit set outcome = 'x' where id = 1",
                                  "delete from audit", "delete from audit where id = 1"])  # fmt: skip
def test_the_database_refuses_to_change_a_line_or_to_take_one_away(store: Store, deed: str) -> None:
    written(store, EVE, allowed=False)
    before = lines(store)
    with pytest.raises((Permanent, Temporary), match="append-only"), store.write() as t:
        t.execute(text(deed))
    assert lines(store) == before


def test_postgresql_refuses_to_empty_it_as_well(store: Store) -> None:
    if store.is_sqlite:
        return  # SQLite has no TRUNCATE: it is DELETE, which is refused above
    written(store)
    with pytest.raises((Permanent, Temporary), match="append-only"), store.write() as t:
        t.execute(text("truncate audit"))
    assert len(lines(store)) == 1


def test_no_secret_stands_in_it(store: Store) -> None:
    written(store, argument="trigger sales token=abc123secret", outcome="password=hunter2hunter2 was refused")
    (line,) = lines(store)
    assert "abc123secret" not in line.argument
    assert "hunter2" not in line.outcome
    assert "•••" in line.argument


def test_a_line_is_found_by_person_alert_word_and_time_the_newest_first(store: Store) -> None:
    written(store, ANA, "acknowledge", "A-3", incident_id=3)
    written(store, BEN, "clear", "sales_daily", second=ANA)
    written(store, EVE, "mark", "100%_sure", allowed=False)
    assert [line.who for line in lines(store)] == ["Eve", "Ben", "Ana"]
    assert [line.who for line in lines(store, who_id=ANA.id)] == ["Ben", "Ana"], "the one she approved and her own"
    assert [line.who for line in lines(store, who="eve")] == ["Eve"]
    assert [line.verb for line in lines(store, incident_id=3)] == ["acknowledge"]
    assert [line.verb for line in lines(store, word="sales")] == ["clear"]
    assert [line.verb for line in lines(store, word="%_s")] == ["mark"], "a sign of the pattern is only a sign"
    assert lines(store, since=NOW + timedelta(seconds=1)) == []
    assert len(lines(store, limit=2)) == 2


def test_what_is_written_during_a_request_belongs_to_it(store: Store) -> None:
    with audit.asked(Request("confirm", "P-1", "https://chat.example.com/archives/C1/p1", incident_id=7)) as request:
        audit.learn(deployment="prod", plan_digest="abc", by_break_glass=True)
        written(store)
    written(store)
    own, with_request = lines(store)
    assert request.written == 1
    assert (with_request.link, with_request.incident_id) == ("https://chat.example.com/archives/C1/p1", 7)
    assert (with_request.deployment, with_request.plan_digest, with_request.break_glass) == ("prod", "abc", True)
    assert (own.link, own.incident_id, own.deployment, own.break_glass) == ("", None, "", False)
    with store.read() as t:
        assert audit.under_glass(t, ANA.id, NOW) == 1
