"""Why it failed, in a few words."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from bot.core.incidents.cause import phrase
from tests.given import told


def failed(kind: str, message: str) -> Any:
    return told(exception={"type": kind, "message": message})


@pytest.mark.parametrize(
    ("kind", "message", "said"),
    [
        (
            "OperationalError",
            "connection to server at 10.0.7.21 failed: Connection refused",
            "the database refused the connection",
        ),
        (
            "psycopg.errors.UniqueViolation",
            'violates constraint "orders_pk"',
            "duplicate key in orders_pk",
        ),
        ("psycopg.errors.UndefinedTable", 'relation "orders" does not exist', "table orders did not exist"),
        ("requests.exceptions.HTTPError", "503 Server Error: busy for url: x", "the server answered 503"),
        ("ModuleNotFoundError", "No module named 'pandas'", "module pandas was missing"),
        ("KeyError", "'amount'", "key amount was missing"),
        ("MemoryError", "", "ran out of memory"),
        ("ValueError", "row 17 is bad", "ValueError: row 17 is bad"),
    ],
)
def test_a_known_cause_has_words_and_another_one_its_own(kind: str, message: str, said: str) -> None:
    assert phrase(failed(kind, message)) == said


def test_a_long_message_is_cut_at_its_first_line() -> None:
    said = phrase(failed("ValueError", "x" * 500 + "\nsecond line"))
    assert len(said) == 60
    assert said.endswith("…")
    assert "second" not in phrase(failed("ValueError", "first\nsecond line"))


def test_a_secret_is_hidden_before_it_is_cut() -> None:
    secret = secrets.token_urlsafe(60)
    said = phrase(failed("ValueError", f"cannot log in with password={secret}"))
    assert secret[:8] not in said


def test_a_task_without_a_callback_says_so_and_a_run_says_nothing() -> None:
    assert phrase(told(exception=None)) == "no callback said why"
    assert phrase(told("run_failed")) == ""
