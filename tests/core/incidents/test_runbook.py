"""Which runbook is meant, what is wrong with a front matter, and the words for a cause."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest

from bot.core.incidents.cause import phrase
from bot.core.incidents.runbook import Runbook, best, faults
from bot.core.signals.signal import Signal
from tests.given import failure, told


def book(name: str, phrase: str = "", **match: str) -> Runbook:
    return Runbook(name, name, "", {key: (value,) for key, value in match.items()}, phrase=phrase)


BOOKS = [
    book("any-failure", kinds="task_failed"),
    book("value-errors", exception=r"ValueError: row"),
    book("sales", dag="sales*"),
    book("sales-values", dag="sales", exception="ValueError"),
    book("tagged", tags="fin*"),
    book("heartbeat", check="scheduler-heartbeat"),
    book("imports", check="import-errors"),
]


@pytest.mark.parametrize(
    ("signal", "name"),
    [
        (failure("other", dag_id="x"), "any-failure"),
        (failure("row 17", dag_id="x"), "value-errors"),
        (failure("x"), "sales-values"),
        (told(exception={"type": "KeyError", "message": "x"}), "sales"),
        (told(dag_id="x", exception=None, tags=["finance"]), "tagged"),
        (told("check_failed"), "heartbeat"),
        (told("import_error"), "imports"),
        (told("check_failed", check="pools"), None),
        (told("run_failed", dag_id="x"), None),
    ],
)
def test_the_most_specific_runbook_is_meant(signal: Signal, name: str | None) -> None:
    found = best(BOOKS, signal)
    assert (found.name if found else None) == name


def test_of_two_that_fit_alike_the_first_in_the_alphabet_is_meant() -> None:
    alike = [book("b", dag="sales"), book("a", dag="sales")]
    assert best(alike, failure()) == best(reversed(alike), failure()) == alike[1]


@pytest.mark.parametrize(
    ("front", "field", "said"),
    [
        ({"match": {"dag": "x"}}, "title", "missing"),
        ({"title": 5, "match": {"dag": "x"}}, "title", "missing"),
        ({"title": "x"}, "match", "missing"),
        ({"title": "x", "match": {}}, "match", "missing"),
        ({"title": "x", "match": ["dag"]}, "match", "missing"),
        ({"title": "x", "match": {"dags": "x"}}, "match.dags", "a field"),
        ({"title": "x", "match": {"kinds": ["task_exploded"]}}, "match.kinds", "task_exploded isn't a kind"),
        ({"title": "x", "match": {"exception": "(["}}, "match.exception", "valid regular expression"),
        ({"title": "x", "match": {"dag": [5]}}, "match.dag", "list of strings"),
        ({"title": "x", "match": {"dag": 5}}, "match.dag", "list of strings"),
    ],
)
def test_what_is_wrong_is_said_by_field(front: dict[str, Any], field: str, said: str) -> None:
    found = faults(front)
    assert [name for name, _ in found] == [field]
    assert said in found[0][1]


def test_a_front_matter_that_is_well_has_no_faults() -> None:
    assert faults({"title": "x", "match": {"kinds": ["task_failed"], "exception": ["a.*", "b"], "tags": "fin"}}) == []


PHRASES = [
    ("psycopg.OperationalError", "connection failed: Connection refused", "the database refused the connection"),
    ("socket.gaierror", "[Errno -2] Name or service not known", "the host name was not found"),
    ("psycopg.OperationalError", 'password authentication failed for user "etl"', "the login was refused"),
    ("psycopg.OperationalError", "FATAL: too many connections", "no database connection was free"),
    ("psycopg.errors.UniqueViolation", 'duplicate key value violates unique constraint "orders_pkey"',
     "duplicate key in orders_pkey"),
    ("sqlalchemy.exc.IntegrityError", "duplicate key", "duplicate key in a table"),
    ("psycopg.errors.UndefinedTable", 'relation "orders" does not exist', "table orders did not exist"),
    ("psycopg.errors.UndefinedColumn", 'column "total" does not exist', "column total did not exist"),
    ("psycopg.errors.DeadlockDetected", "deadlock detected", "a deadlock was detected"),
    ("airflow.exceptions.AirflowTaskTimeout", "Timeout, PID: 17", "ran past its time limit"),
    ("airflow.exceptions.AirflowSensorTimeout", "Snap. Time is OUT.", "waited past its time limit"),
    ("requests.exceptions.ReadTimeout", "read timed out", "timed out"),
    ("requests.exceptions.HTTPError", "503 Server Error: Service Unavailable", "the server answered 503"),
    ("requests.exceptions.HTTPError", "403 Client Error: Forbidden", "the server refused with 403"),
    ("httpx.HTTPError", "got 502 from it", "the server answered 502"),
    ("MemoryError", "", "ran out of memory"),
    ("OSError", "[Errno 28] No space left on device", "the disk was full"),
    ("PermissionError", "[Errno 13] Permission denied: '/x'", "access was denied"),
    ("FileNotFoundError", "[Errno 2] No such file or directory: '/x'", "a file was not found"),
    ("ModuleNotFoundError", "No module named 'pandas'", "module pandas was missing"),
    ("KeyError", "'order_id'", "key order_id was missing"),
    ("ValueError", "row 17 is bad\nand more", "ValueError: row 17 is bad"),
    ("", "only words", "only words"),
    ("ValueError", "x" * 100, "ValueError: " + "x" * 47 + "…"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "message", "words"), PHRASES)
def test_the_cause_in_a_phrase(kind: str, message: str, words: str) -> None:
    assert phrase(told(exception={"type": kind, "message": message})) == words


def test_a_runbooks_own_phrase_beats_the_table() -> None:
    assert (
        phrase(failure("Connection refused"), book("x", "the warehouse restarts", dag="x")) == "the warehouse restarts"
    )


def test_nothing_is_invented_where_nothing_is_known() -> None:
    assert phrase(told(exception=None)) == "no callback said why"
    assert phrase(told("run_failed")) == ""


def test_a_pattern_that_looks_back_and_forth_holds_nothing_up_on_a_hostile_text() -> None:
    """Measured against a text of ordinary length, since a machine may be slow."""
    book = Runbook("x", "x", "", {"exception": (".*foo.*bar.*",)})

    def seconds(message: str) -> float:
        begun = process_time()
        assert not book.fits(failure(message))
        return process_time() - begun

    assert seconds("foo" * 1_300) < 5 * seconds("foo" * 199) + 1


def test_the_end_of_a_long_line_is_looked_at_too() -> None:
    book = Runbook("x", "x", "", {"exception": ("Connection refused",)})
    assert book.fits(failure("url: /" + "x" * 2_000 + " Connection refused"))
