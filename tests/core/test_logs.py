"""The log: no line can be forged, no secret read, no flood caused."""

from __future__ import annotations

import logging
import secrets
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.logs import LINE, TRACEBACK, LineFormatter, Seldom, _is_ours_or_serious


def line(
    message: object,
    *args: object,
    name: str = "bot.x",
    level: int = logging.WARNING,
    error: BaseException | None = None,
) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    return LineFormatter().format(logging.LogRecord(name, level, "f.py", 1, message, args, info))


FORGED = "2026-11-26 05:00:00,000 INFO bot.audit: admin approved"


@given(st.text())
def test_a_record_is_one_line_whatever_it_holds(text: str) -> None:
    said = line("%s", text)
    assert len(said.splitlines()) == 1
    assert not any(unicodedata.category(sign) in {"Cc", "Zl", "Zp", "Cs"} for sign in said)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\u2028", "\x85", "\x0b", "\x1b[1A"])
def test_a_line_cannot_be_forged_in_a_message(end: str) -> None:
    assert not any(one.startswith(FORGED) for one in line("body: %s", f"x{end}{FORGED}").splitlines())


def test_nor_in_a_traceback() -> None:
    try:
        raise ValueError(f"x\n{FORGED}")
    except ValueError as error:
        said = line("it failed", error=error).splitlines()
    assert all(one.startswith("  | ") for one in said[1:])
    assert said[-1].endswith(FORGED)


def test_secrets_are_redacted_in_message_and_traceback() -> None:
    secret = secrets.token_hex(12)
    try:
        raise ValueError(f"password={secret}")
    except ValueError as error:
        said = line("it failed: %s", f"postgresql://etl:{secret}@db/x", error=error)
    assert secret not in said


def test_a_megabyte_is_a_short_line() -> None:
    assert len(line("%s", "x" * 1_000_000)) < LINE + 200
    error = ValueError("y" * 1_000_000)
    assert len(line("it failed", error=error)) < TRACEBACK + 500


@pytest.mark.parametrize(
    "name", ["slack_bolt.RequestVerification", "httpx", "uvicorn.error", "slack_sdk.web.base_client"]
)
def test_libraries_are_heard_when_it_is_serious_alone(name: str) -> None:
    def kept(level: int) -> bool:
        return _is_ours_or_serious(logging.LogRecord(name, level, "f.py", 1, "the body: x", (), None))

    assert (kept(logging.INFO), kept(logging.WARNING)) == (False, True)


def test_a_kind_of_trouble_is_said_once_in_a_while_with_its_count(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    seldom, logger = Seldom(60, lambda: now[0]), logging.getLogger("bot.test")
    for _ in range(413):
        seldom.warn(logger, "a", "refused %s", "10.0.0.1")
    seldom.warn(logger, "b", "another kind")
    now[0] = 61
    seldom.warn(logger, "a", "refused %s", "10.0.0.2")
    assert [one.getMessage() for one in caplog.records] == [
        "refused 10.0.0.1", "another kind", "refused 10.0.0.2 (and 412 more since the last line)"
    ]  # fmt: skip


def test_a_message_whose_arguments_do_not_fit_is_no_second_error(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    handler.handle(logging.LogRecord("x", logging.ERROR, "f.py", 1, "plain 100%", (), None))
    assert capsys.readouterr().err.endswith("plain 100%\n")
