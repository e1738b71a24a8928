"""PagerDuty is kept in step: one key for an incident's whole life, and the word that is true at delivery."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.core.errors import Permanent, Temporary
from bot.core.incidents.alert import Alert, Kind, Place
from bot.core.incidents.incident import Counts, State
from bot.core.incidents.view import View
from bot.pagerduty.events import PagerDuty, raise_for
from tests.core.incidents.test_lifecycle import opened
from tests.given import ANA, NOW, told

ALERT = Alert(1, 7, Place(Kind.pager, "pagerduty"), owed_at=NOW)
KEY = "windsock-A-7-20261122T050041-prod"


class Answers:
    """What PagerDuty answers, and what it was told."""

    def __init__(self) -> None:
        self.status, self.headers, self.told = 202, dict[str, str](), list[dict[str, Any]]()
        self.error: httpx.TransportError | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.error:
            raise self.error
        self.told.append(json.loads(request.content))
        return httpx.Response(self.status, headers=self.headers, text="said PagerDuty")


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def page(answers: Answers) -> Iterator[PagerDuty]:
    made = PagerDuty("k" * 32, "https://events.example.com/v2/enqueue", "windsock")
    made._client = httpx.Client(transport=httpx.MockTransport(answers))
    yield made
    made.close()


def seen(**changed: Any) -> View:
    return View(opened(**changed), Counts(failures=1, things=1, sick=1, dags=(("sales", 1),)), NOW)


def test_an_incident_that_opens_is_triggered_with_what_the_person_needs(page: PagerDuty, answers: Answers) -> None:
    view = replace(seen(), run_url="https://airflow/run", runbook_url="https://windsock/runbooks/x")
    shown = page(ALERT, view)
    assert (shown.ref, shown.said) == (KEY, "trigger")
    (event,) = answers.told
    assert (event["routing_key"], event["event_action"], event["dedup_key"]) == ("k" * 32, "trigger", KEY)
    assert event["payload"]["summary"] == "sales.load failed: ValueError: row is bad (A-7)"
    assert (event["payload"]["severity"], event["payload"]["source"]) == ("error", "prod")
    assert [link["href"] for link in event["links"]] == ["https://airflow/run", "https://windsock/runbooks/x"]


def test_many_failures_are_counted_in_the_summary_and_it_fits(page: PagerDuty, answers: Answers) -> None:
    storm = Counts(failures=10_000, things=10_000, sick=10_000, dags=(("a", 9_000), ("b", 1_000)))
    page(ALERT, replace(seen(), counts=storm))
    page(ALERT, seen(exemplar=told("check_failed", sentence="x" * 2_000)))
    assert answers.told[0]["payload"]["summary"].startswith("10000 failures in 2 DAGs: ValueError: row is bad")
    assert len(answers.told[1]["payload"]["summary"]) == 1_024


@pytest.mark.parametrize(
    ("state", "said", "word"),
    [
        ({"state": State.acknowledged, "holder": ANA, "held_at": NOW}, "trigger", "acknowledge"),
        ({"state": State.resolved}, "acknowledge", "resolve"),
        ({}, "resolve", "trigger"),
    ],
)
def test_what_follows_is_told_under_the_same_key(
    page: PagerDuty, answers: Answers, state: dict[str, Any], said: str, word: str
) -> None:
    shown = page(replace(ALERT, ref="the key", said=said), seen(**state))
    assert (shown.ref, shown.said) == ("the key", word)
    assert (answers.told[0]["event_action"], answers.told[0]["dedup_key"]) == (word, "the key")


def test_a_page_that_came_due_after_somebody_took_it_is_dropped(page: PagerDuty, answers: Answers) -> None:
    shown = page(ALERT, seen(state=State.acknowledged, holder=ANA, held_at=NOW))
    assert (shown.said, answers.told) == ("", [])


def test_a_first_event_whose_answer_was_lost_is_told_again_under_the_same_key(
    page: PagerDuty, answers: Answers
) -> None:
    """Meanwhile an older failure was told late, and a deployment's long name must not push the number out."""
    page(ALERT, seen())
    page(ALERT, seen(opened_at=NOW - timedelta(hours=1), version=5))
    page(ALERT, seen(deployment="d" * 500))
    keys = [event["dedup_key"] for event in answers.told]
    assert keys[0] == keys[1] == KEY
    assert "A-7" in keys[2]
    assert len(keys[2]) <= 255


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [(429, {"Retry-After": "17"}, 17.0), (429, {}, None), (429, {"Retry-After": "Sun, 22 Nov 2026"}, None), (500, {}, None),
     (503, {"Retry-After": "9" * 400}, None)],
)  # fmt: skip
def test_what_passes_is_temporary(
    page: PagerDuty, answers: Answers, status: int, headers: dict[str, str], wait: Any
) -> None:
    answers.status, answers.headers = status, headers
    with pytest.raises(Temporary) as raised:
        page(ALERT, seen())
    assert raised.value.retry_after == wait


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413])
def test_another_refusal_is_permanent_and_says_what_pagerduty_said(
    page: PagerDuty, answers: Answers, status: int
) -> None:
    answers.status = status
    with pytest.raises(Permanent, match="said PagerDuty") as raised:
        page(ALERT, seen())
    assert raised.value.code == str(status)


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("gone")]
)
def test_a_pagerduty_that_is_away_is_temporary(page: PagerDuty, answers: Answers, error: httpx.TransportError) -> None:
    answers.error = error
    with pytest.raises(Temporary):
        page(ALERT, seen())


def test_an_address_that_is_none_is_permanent() -> None:
    page = PagerDuty("k" * 32, "https://events.example.com:port/", "windsock")
    with pytest.raises(Permanent):
        page(ALERT, seen())
    page.close()


def test_an_answer_that_is_well_raises_nothing() -> None:
    raise_for(httpx.Response(202))


def test_a_secret_in_a_message_does_not_leave(page: PagerDuty, answers: Answers) -> None:
    fault = {"type": "ValueError", "message": "postgresql://etl:hunter2secret@db/x is bad"}
    page(ALERT, replace(seen(), incident=replace(opened(), exemplar=told(exception=fault))))
    assert "hunter2secret" not in json.dumps(answers.told)


def test_what_must_page_anew_is_resolved_there_and_triggered_again(page: PagerDuty, answers: Answers) -> None:
    at = NOW + timedelta(minutes=5)
    before = replace(ALERT, said="acknowledge", ref=KEY, posted_at=NOW)
    shown = page(before, seen(state=State.acknowledged, holder=ANA, held_at=NOW, escalated_at=at))
    assert [(one["event_action"], one["dedup_key"]) for one in answers.told] == [("resolve", KEY), ("trigger", KEY)]
    assert (shown.said, shown.ref, shown.paged) == ("trigger", KEY, True)
