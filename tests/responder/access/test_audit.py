"""The audit of one request: one line for each, none twice, and an answer also where the store does not."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from bot.core.errors import Temporary
from bot.responder.access import audit
from bot.responder.incidents.presses import press
from bot.responder.services import Services
from bot.responder.signals.observe import report
from tests.given import ANA, BEN, failure


def lines(services: Services) -> list[tuple[str, str, str, bool, str]]:
    found = audit.lines_about(services, "", None, 100)
    return [(one.who, one.verb, one.argument, one.allowed, one.outcome) for one in found][::-1]


def test_a_request_that_nothing_else_wrote_down_has_one_line_with_its_answer(services: Services) -> None:
    with audit.audited(services, ANA, "status", "A-7", "https://chat.example.com/p1") as request:
        request.outcome = "all is well " + "x" * 1_000
    ((who, verb, argument, allowed, outcome),) = lines(services)
    assert (who, verb, argument, allowed) == ("Ana", "status", "A-7", True)
    assert outcome.startswith("all is well x")
    assert len(outcome) == 200
    (line,) = audit.lines_about(services, "", 7, 10)
    assert line.link == "https://chat.example.com/p1"


def test_what_the_responder_wrote_is_not_written_again(services: Services) -> None:
    report(services, [failure()])
    with audit.audited(services, ANA, "ack", "A-1"):
        press(services, ANA, "acknowledge", 1)
    assert [line[1] for line in lines(services)] == ["acknowledge"]


def test_a_request_that_fails_has_its_line_and_raises(services: Services) -> None:
    with pytest.raises(ZeroDivisionError), audit.audited(services, ANA, "status", ""):
        _ = 1 / 0
    assert [line[1] for line in lines(services)] == ["status"]


def test_what_comes_from_a_barred_account_is_written_as_refused(services: Services) -> None:
    with audit.audited(services, replace(ANA, barred="a deactivated account"), "clear", "sales"):
        pass
    assert [line[3] for line in lines(services)] == [False]


def test_what_arrives_twice_is_found_out_and_has_one_line(services: Services) -> None:
    audit.arrives(services, "slack", "1.2")
    with pytest.raises(audit.Again), audit.audited(services, ANA, "ack", "A-1"):
        audit.arrives(services, "slack", "1.2")
    audit.arrives(services, "slack", "1.3")
    audit.arrives(services, "another", "1.2")
    assert lines(services) == []


def test_a_store_that_is_away_keeps_nobody_from_an_answer(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(**_: Any) -> Any:
        raise Temporary("the store does not answer")

    monkeypatch.setattr(services.store, "write", away)
    audit.arrives(services, "slack", "1.2")
    with caplog.at_level(logging.ERROR), audit.audited(services, ANA, "status", ""):
        pass
    assert "the audit has no line of status by U0ANA" in caplog.text


def test_lines_are_found_by_id_and_by_first_name(services: Services) -> None:
    for person in (ANA, BEN):
        with audit.audited(services, person, "status", ""):
            pass
    for name in (BEN.id, "ben", "Ben"):
        assert [one.who for one in audit.lines_of(services, name, 10)] == ["Ben"]
    assert audit.lines_of(services, "cleo", 10) == []
