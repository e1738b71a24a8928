"""What else the HTTP edge answers: incidents for programs, runbooks for people, health for machines."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from bot.core.errors import Temporary
from bot.core.signals.signal import KINDS
from bot.core.signals.wire import REQUIRED
from bot.responder.incidents import summary
from bot.responder.incidents.presses import press
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.store import alerts
from bot.web.http import Edge
from bot.web.routes import ROUTES, site
from tests.given import ANA, RUN, SENT, failure, told
from tests.web.conftest import TestClient


class TestIncidents:
    def test_an_incident_is_listed_with_what_is_promised(self, http: TestClient, services: Services) -> None:
        report(services, [failure(map_index=n, tags=["critical"]) for n in range(3)])
        with services.store.write() as t:
            alerts.change(t, 1, shown=1, ref="17.5", error="later")
        found = http.get("/v1/incidents").json()
        assert found["next"] is None
        (one,) = found["incidents"]
        assert (one["id"], one["name"], one["state"], one["severity"]) == (1, "A-1", "open", "critical")
        assert re.fullmatch(r"sales\.load\[\d\] failed: ValueError: row is bad", one["title"])
        assert re.fullmatch(r"[0-9a-f]{12}", one["signature"])
        assert one["counts"] == {"failures": 3, "things": 3, "sick": 3, "dags": 1}
        assert one["alerts"] == [{"place": "slack:#data-alerts", "shown": 1, "ref": "17.5", "error": "later"}]

    def test_they_can_be_asked_for_by_state(self, http: TestClient, services: Services) -> None:
        report(services, [failure("a cause"), failure("another", dag_id="x"), failure("third one", dag_id="y")])
        press(services, ANA, "acknowledge", 2)
        press(services, ANA, "resolve", 3)

        def names(query: str) -> list[str]:
            return [one["name"] for one in http.get(f"/v1/incidents{query}").json()["incidents"]]

        assert names("") == ["A-3", "A-2", "A-1"]
        assert names("?state=open") == ["A-1"]
        assert names("?state=open&state=acknowledged") == ["A-2", "A-1"]
        assert http.get("/v1/incidents").json()["incidents"][1]["holder"] == "Ana"

    def test_many_come_a_page_at_a_time_and_none_is_lost(
        self, http: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(summary, "PAGE", 4)
        report(services, [told("external", name=f"thing {n}") for n in range(10)])
        path: str | None = "/v1/incidents?state=open"
        ids: list[int] = []
        pages = 0
        while path:
            page = http.get(path).json()
            ids += [one["id"] for one in page["incidents"]]
            path, pages = page["next"], pages + 1
        assert ids == list(range(10, 0, -1))
        assert pages == 3

    @pytest.mark.parametrize("name", ["1", "A-1", "a-1"])
    def test_one_has_every_subject_and_its_timeline(self, http: TestClient, services: Services, name: str) -> None:
        report(services, [failure(map_index=n, try_number=2) for n in range(1_200)])
        press(services, ANA, "acknowledge", 1)
        one = http.get(f"/v1/incidents/{name}").json()
        assert len(one["subjects"]) == 1_200
        wanted = {"dag_id": "sales", "run_id": RUN, "task_id": "load", "map_index": 7, "try_number": 2}
        assert wanted.items() <= one["subjects"][7].items()
        assert [(line["what"], line["who"]) for line in one["timeline"]] == [("opened", ""), ("acknowledged", "Ana")]

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/v1/incidents/2", 404),
            ("/v1/incidents/0", 404),
            ("/v1/incidents/-1", 404),
            ("/v1/incidents/sales", 404),
            ("/v1/incidents/" + "9" * 18, 404),
            ("/v1/incidents/" + "9" * 30, 404),
            ("/v1/incidents/" + "9" * 5_000, 404),
            ("/v1/incidents/%C2%B2", 404),
            ("/v1/incidents/%D9%A1", 404),
            ("/v1/incidents/%ED%A0%80", 404),
            ("/v1/incidents?state=broken", 400),
            ("/v1/incidents?state=", 400),
            ("/v1/incidents?before=x", 400),
            ("/v1/incidents?before=-1", 400),
            ("/v1/incidents?before=" + "9" * 30, 400),
            ("/v1/incidents?before=%C2%B2", 400),
        ],
    )
    def test_a_wrong_question_is_a_4xx_that_says_what_is_wrong(
        self, http: TestClient, services: Services, path: str, status: int
    ) -> None:
        report(services, [failure()])
        answer = http.get(path)
        assert answer.status_code == status
        assert answer.json()["error"].split(":")[0] in {"id", "state", "before"}

    def test_a_store_that_is_away_is_a_503(self, http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*_: Any) -> None:
            raise Temporary("the store does not answer")

        monkeypatch.setattr(summary, "page", away)
        answer = http.get("/v1/incidents")
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


class TestRunbooks:
    def test_the_list_leads_to_each(self, http: TestClient) -> None:
        page = http.get("/runbooks", headers={"Authorization": ""}).text
        assert "The &lt;warehouse&gt; is away &amp; gone" in page
        links = re.findall(r'href="(/runbooks/[^"]+)"', page)
        assert len(links) == 2
        assert [http.get(link).status_code for link in links] == [200, 200]

    def test_what_stands_in_a_runbook_is_text_and_never_a_script(self, http: TestClient) -> None:
        page = http.get("/runbooks/away")
        assert "<script>" not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
        assert "<h1>The &lt;warehouse&gt; is away &amp; gone</h1>" in page.text
        assert "<td>1</td>" in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]

    def test_a_link_that_is_code_is_no_link(self, http: TestClient) -> None:
        page = http.get("/runbooks/odd%20name%3F%23%25").text
        assert 'href="javascript' not in page
        assert page.count("<h1>") == 1

    @pytest.mark.parametrize("name", ["none", "..%2F..%2Fetc%2Fpasswd", "<b>", "%00"])
    def test_one_that_is_none_is_a_404(self, http: TestClient, name: str) -> None:
        assert http.get(f"/runbooks/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/runbooks/", "/v1/incidents/", "/livez/", "/runbooks/away/"])
def test_no_answer_redirects_to_the_host_that_a_stranger_names(http: TestClient, path: str) -> None:
    answer = http.get(path, headers={"Host": "evil.example"}, follow_redirects=False)
    assert answer.status_code in {401, 404}
    assert "evil.example" not in f"{answer.headers}{answer.text}"


class TestHealth:
    def test_it_is_alive_and_ready_without_a_token(self, http: TestClient) -> None:
        for path in ("/livez", "/readyz", "/metrics", "/openapi.json"):
            assert http.get(path, headers={"Authorization": ""}).status_code == 200
        assert http.get("/readyz").json() == {"ready": True, "wrong": {}}

    def test_a_slack_that_is_away_is_said_and_is_no_reason_to_restart(self, edge: Edge) -> None:
        client = TestClient(site(replace(edge, parts=lambda: {"slack": "no socket is open", "threads": ""})))
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"ready": True, "wrong": {"slack": "no socket is open"}})

    def test_a_writer_that_has_ended_is_one(self, edge: Edge) -> None:
        client = TestClient(site(replace(edge, parts=lambda: {"intake": "the writer has ended"})))
        assert client.get("/readyz").status_code == 503

    def test_a_store_that_is_away_is_one_and_the_process_lives(
        self, http: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away() -> None:
            raise Temporary("the store does not answer")

        monkeypatch.setattr(services.store, "read", away)
        answer = http.get("/readyz")
        assert (answer.status_code, answer.json()["wrong"]) == (503, {"store": "the store does not answer"})
        assert http.get("/livez").status_code == 200
        assert figures(http)["windsock_store_up"] == 0

    def test_a_store_that_only_reads_is_not_ready(
        self, http: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As on a full disk, or a volume that the system has mounted again read-only."""
        monkeypatch.setattr("bot.web.probe.PROBE_SECONDS", 0)
        assert http.get("/readyz").status_code == 200
        begin = lambda connection: connection.exec_driver_sql("pragma query_only=on")  # noqa: E731
        event.listen(services.store._engine, "begin", begin)
        answer = http.get("/readyz")
        assert (answer.status_code, list(answer.json()["wrong"])) == (503, ["store"])
        event.remove(services.store._engine, "begin", begin)
        event.listen(services.store._engine, "begin", lambda c: c.exec_driver_sql("pragma query_only=off"))
        assert http.get("/readyz").status_code == 200

    def test_a_commit_that_failed_is_not_ready_until_one_succeeds(
        self, http: TestClient, edge: Edge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        edge.parts = lambda: {"intake": edge.intake.trouble}
        with monkeypatch.context() as full:

            def fail(*_: Any) -> None:
                raise Temporary("the store cannot write: database or disk is full")

            full.setattr("bot.responder.signals.intake.signals.take", fail)
            assert http.post("/v1/signals", json=SENT).status_code == 503
            assert http.get("/readyz").status_code == 503
        assert http.post("/v1/signals", json=SENT).status_code == 202
        assert http.get("/readyz").status_code == 200

    def test_strangers_hear_which_part_is_ill_and_no_other_program_s_words(self, http: TestClient, edge: Edge) -> None:
        said = 'the store does not answer: connection to server at "10.0.0.7", port 5432 failed'
        edge.parts = lambda: {"alerts": said}
        assert http.get("/readyz").json()["wrong"] == {"alerts": said}
        stranger = http.get("/readyz", headers={"Authorization": ""})
        assert stranger.json() == {"ready": True, "wrong": {"alerts": "the store does not answer"}}

    def test_the_metrics_are_prometheus_text_with_the_figures_of_this_moment(
        self, http: TestClient, services: Services
    ) -> None:
        http.post("/v1/signals", json={"signals": []})
        http.post("/v1/signals", content=b"x")
        report(services, [failure(), failure("another", dag_id="x", tags=["critical"])])
        services.clock.pass_by(seconds=9)  # type: ignore[attr-defined]
        now = figures(http)
        assert now["windsock_signals_total{outcome=refused}"] == 1
        assert now["windsock_incidents{severity=error,state=open}"] == 1
        assert now["windsock_incidents{severity=critical,state=open}"] == 1
        assert now["windsock_alerts_owed{place=slack}"] == 2
        assert now["windsock_alert_oldest_owed_seconds"] == 9
        assert now["windsock_remediations_active"] == 0
        assert now["windsock_store_up"] == 1

    def test_every_part_has_its_figure(self, edge: Edge) -> None:
        client = TestClient(site(replace(edge, parts=lambda: {"slack": "away", "intake": ""})))
        assert {name: value for name, value in figures(client).items() if "part_up" in name} == {
            "windsock_part_up{part=slack}": 0, "windsock_part_up{part=intake}": 1}  # fmt: skip


def figures(client: TestClient) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation, f"{family.name} says nothing about itself"
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


class TestOpenApi:
    def test_it_describes_every_route_that_exists_and_no_other(self, http: TestClient) -> None:
        document = http.get("/openapi.json").json()
        described = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
        there = {(route.path, method) for route in ROUTES for method in route.methods or () if method != "HEAD"}
        assert described == there
        assert document["openapi"].startswith("3.1")

    def test_its_signal_is_the_one_that_is_taken(self, http: TestClient) -> None:
        signal = http.get("/openapi.json").json()["components"]["schemas"]["Signal"]
        assert set(signal["properties"]["kind"]["enum"]) == set(KINDS)
        assert {name for names in REQUIRED.values() for name in names} <= set(signal["properties"])
        assert signal["required"] == ["kind", "deployment", "occurred_at"]

    def test_what_asks_for_a_token_says_so(self, http: TestClient) -> None:
        document = http.get("/openapi.json").json()
        for path, item in document["paths"].items():
            for method, operation in item.items():
                answer = http.request(method, path.replace("{incident_id}", "1"), headers={"Authorization": ""})
                assert (answer.status_code == 401) is ("security" in operation) or path.startswith(
                    ("/slack", "/v1/pager")
                )
                assert str(answer.status_code) in operation["responses"], (path, answer.status_code)
