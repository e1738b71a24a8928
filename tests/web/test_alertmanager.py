"""Alertmanager's webhook: firing and resolved alerts become signals, and a wrong body is named."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bot.core.bearer import Tokens
from bot.responder.signals.intake import Intake
from bot.web.http import Edge
from bot.web.routes import site
from tests.given import some_services

FIRING: dict[str, Any] = {
    "version": "4", "groupKey": "{}:{alertname=\"AirflowSchedulerDead\"}", "truncatedAlerts": 0, "status": "firing",
    "receiver": "windsock", "groupLabels": {"alertname": "AirflowSchedulerDead"}, "externalURL": "http://am:9093",
    "commonLabels": {}, "commonAnnotations": {},
    "alerts": [{
        "status": "firing",
        "labels": {"alertname": "AirflowSchedulerDead", "severity": "critical", "deployment": "prod", "instance": "a:9102"},
        "annotations": {"summary": "The scheduler has not beaten for more than 60 s", "runbook": "scheduler-silent"},
        "startsAt": "2026-11-22T05:00:00.123456789Z", "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph", "fingerprint": "c4f1e8a1b2d3e4f5",
    }],
}  # fmt: skip


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    services = some_services(f"sqlite:///{tmp_path / 'windsock.db'}")
    intake = Intake(services)
    intake.start()
    with TestClient(site(Edge(services, intake, lambda: Tokens(every=("right",))))) as made:
        made.headers["Authorization"] = "Bearer right"
        yield made
    intake.stop()
    services.store.close()


def changed(**values: Any) -> dict[str, Any]:
    body = copy.deepcopy(FIRING)
    body["alerts"][0].update(values)
    return body


RESOLVED = changed(status="resolved", endsAt="2026-11-22T05:10:00Z")


def incidents(client: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/incidents").json()["incidents"]
    return found


def test_a_firing_alert_opens_an_incident_with_its_severity_and_words(client: TestClient) -> None:
    assert client.post("/v1/alertmanager", json=FIRING).json() == {"accepted": 1, "duplicates": 0}
    (one,) = incidents(client)
    assert (one["state"], one["severity"], one["deployment"]) == ("open", "critical", "prod")
    assert one["title"] == "The scheduler has not beaten for more than 60 s"


def test_told_again_it_is_a_duplicate_and_resolved_it_ends_and_may_come_back(client: TestClient) -> None:
    client.post("/v1/alertmanager", json=FIRING)
    assert client.post("/v1/alertmanager", json=FIRING).json() == {"accepted": 0, "duplicates": 1}
    assert client.post("/v1/alertmanager", json=RESOLVED).json() == {"accepted": 1, "duplicates": 0}
    assert [one["state"] for one in incidents(client)] == ["resolved"]
    assert client.post("/v1/alertmanager", json=FIRING).json() == {"accepted": 1, "duplicates": 0}
    assert [one["state"] for one in incidents(client)] == ["open"]


def test_alerts_that_differ_in_a_label_are_different_things(client: TestClient) -> None:
    other = changed(labels={**FIRING["alerts"][0]["labels"], "instance": "b:9102"})
    client.post("/v1/alertmanager", json=FIRING)
    client.post("/v1/alertmanager", json=other)
    assert len(incidents(client)) == 2


def test_hostile_labels_are_taken(client: TestClient) -> None:
    labels = {"alertname": "x\u0000<!channel>", "instance": "y" * 5_000, "deployment": "prod"}
    assert client.post("/v1/alertmanager", json=changed(labels=labels)).status_code == 202


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ([], 400, "body"),
        ({**FIRING, "version": "5"}, 422, "version"),
        ({**FIRING, "alerts": "none"}, 422, "alerts"),
        ({**FIRING, "alerts": [17]}, 422, "alerts[0]"),
        (changed(labels=["x"]), 422, "alerts[0].labels"),
    ],
)
def test_a_wrong_body_is_a_4xx_that_names_the_field(client: TestClient, body: Any, status: int, named: str) -> None:
    answer = client.post("/v1/alertmanager", json=body)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(named)


def test_without_the_token_nothing_is_taken(client: TestClient) -> None:
    assert client.post("/v1/alertmanager", json=FIRING, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert incidents(client) == []


@pytest.mark.parametrize("odd", [{"startsAt": "yesterday"}, {"labels": {"alertname": "Odd", "dag_id": "two\nlines"}},
                                 {"labels": {"alertname": "Odd", "cluster": "two\nlines"}}])  # fmt: skip
def test_an_odd_alert_is_taken_and_with_it_all_the_others(client: TestClient, odd: dict[str, Any]) -> None:
    """What is refused is not sent again."""
    body = changed(**{"labels": {"alertname": "Odd"}, **odd})
    body["alerts"].append(copy.deepcopy(FIRING["alerts"][0]))
    answer = client.post("/v1/alertmanager", json=body)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)


def test_firing_and_resolved_in_one_notification_end_as_the_last_says(client: TestClient) -> None:
    both = {**FIRING, "alerts": [FIRING["alerts"][0], RESOLVED["alerts"][0]]}
    assert client.post("/v1/alertmanager", json=both).json() == {"accepted": 2, "duplicates": 0}
    assert [one["state"] for one in incidents(client)] == ["resolved"]
