"""POST /v1/signals: 202 after the commit and only then; a sender's fault is a 4xx that names it, never a 5xx."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.bearer import Tokens
from bot.core.errors import Permanent, Temporary
from bot.core.signals.wire import KNOWN, SYNONYMS
from bot.responder.services import Services
from bot.responder.signals.intake import BACKLOG, BACKLOG_CHARACTERS, Intake, Receipt
from bot.responder.signals.observer import wait_for_others
from bot.store import incidents
from bot.web.http import Edge
from bot.web.routes import site
from bot.web.signals import BATCH_LIMIT, BODY_LIMIT, DEPTH_LIMIT
from tests.given import at_once, body, failure, wait_until
from tests.web.conftest import TOKEN, TOKENS, TestClient
from tests.web.wire import served

URL = "/v1/signals"


def failures(services: Services) -> int:
    """How many are counted once everything that is stored has been observed."""
    assert wait_for_others(services.store, 20) == 0
    with services.store.read() as t:
        return sum(incidents.counts(t, one.id, services.clock()).failures for one in incidents.listed(t))


def raw(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_one_signal_is_taken_and_told_again_is_a_duplicate(http: TestClient, services: Services) -> None:
    first, again = http.post(URL, json=body()), http.post(URL, json=body())
    assert (first.status_code, first.json()) == (202, {"accepted": 1, "duplicates": 0})
    assert (again.status_code, again.json()) == (202, {"accepted": 0, "duplicates": 1})
    assert failures(services) == 1


def test_many_are_taken_whole(http: TestClient, services: Services) -> None:
    told = [body(task_id=f"t{n}") for n in range(BATCH_LIMIT)]
    assert http.post(URL, json={"signals": told}).json() == {"accepted": BATCH_LIMIT, "duplicates": 0}
    assert failures(services) == BATCH_LIMIT
    assert http.post(URL, json={"signals": []}).json() == {"accepted": 0, "duplicates": 0}


def test_a_batch_with_one_bad_signal_is_refused_whole_and_says_which(http: TestClient, services: Services) -> None:
    answer = http.post(URL, json={"signals": [body(), body(task_id=None), body(task_id="x")]})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("signals[1].task_id: ")
    assert failures(services) == 0


DEEP = "[" * (DEPTH_LIMIT) + "]" * (DEPTH_LIMIT)
REFUSED: list[tuple[str, bytes, int, str]] = [
    ("nothing", b"", 400, "body"),
    ("not JSON", b"{kind: 1}", 400, "body: is not JSON"),
    ("half of it", raw(body())[:-5], 400, "body: is not JSON"),
    ("not UTF-8", b'{"kind": "\xff\xfe"}', 400, "body: is not UTF-8"),
    ("UTF-16", json.dumps(body()).encode("utf-16"), 400, "body"),
    ("half a character as bytes", b'{"kind": "\xed\xa0\x80"}', 400, "body: is not UTF-8"),
    ("a list", raw([body()]), 400, "body"),
    ("a number", b"5", 400, "body"),
    ("a text", b'"x"', 400, "body"),
    ("null", b"null", 400, "body"),
    ("NaN", raw(body() | {"x": float("nan")}), 400, "body"),
    ("Infinity", raw(body() | {"x": float("inf")}), 400, "body"),
    ("nested too deep", raw(body() | {"x": json.loads(DEEP)}), 400, "body: is nested deeper than 64 levels"),
    ("nested without end", b"[" * 200_000, 400, "body"),
    ("objects without end", b'{"a":' * 100_000, 400, "body"),
    ("a number without end", b'{"kind": ' + b"9" * 100_000 + b"}", 400, "body"),
    ("too many", raw({"signals": [{}] * (BATCH_LIMIT + 1)}), 413, "signals"),
    ("signals that are no list", raw({"signals": {"a": 1}}), 400, "signals"),
    ("a signal that is none", raw({"signals": [body(), 5]}), 400, "signals[1]"),
    ("an unknown kind", raw(body() | {"kind": "x"}), 422, "kind"),
    ("a missing field", raw({k: v for k, v in body().items() if k != "dag_id"}), 422, "dag_id"),
    ("NUL in an identifier", raw(body(dag_id="a\x00b")), 422, "dag_id"),
    ("half a character in an identifier", raw(body(run_id="a\ud800")), 422, "run_id"),
    ("a wrong exception", raw(body(exception=[1])), 422, "exception"),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "status", "named"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_senders_fault_is_a_4xx_that_names_it(
    http: TestClient, edge: Edge, services: Services, sent: bytes, status: int, named: str
) -> None:
    answer = http.post(URL, content=sent)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"].startswith(named)
    assert failures(services) == 0
    assert edge.counted["refused"] == 1
    assert http.post(URL, json=body()).status_code == 202, "the bot serves on"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic the token",
        "the token",
        "Bearer the tokenn",
        "Bearer th\xfc token",
    ],
)
def test_without_the_right_token_nothing_is_taken(http: TestClient, services: Services, header: str) -> None:
    sent = {b"Authorization": header.encode("latin-1")}
    for method, path in (("POST", URL), ("GET", "/v1/incidents"), ("GET", "/v1/incidents/1")):
        answer = http.request(method, path, content=raw(body()), headers=sent)  # type: ignore[arg-type]
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "WINDSOCK_SERVER__SIGNAL_TOKEN" in answer.json()["error"]
    assert failures(services) == 0


def test_without_a_header_neither(http: TestClient) -> None:
    del http.headers["Authorization"]
    assert http.post(URL, json=body()).status_code == 401


def test_the_word_bearer_may_be_written_as_one_likes(http: TestClient) -> None:
    assert http.post(URL, json=body(), headers={"Authorization": f"bearer  {TOKEN} "}).status_code == 202


def test_where_no_token_is_configured_none_is_asked_for(http: TestClient, edge: Edge) -> None:
    edge.tokens = Tokens
    assert http.post(URL, json=body(), headers={"Authorization": ""}).status_code == 202


def test_deep_and_odd_but_right_is_taken(http: TestClient, services: Services) -> None:
    levels = DEPTH_LIMIT - 1  # the signal's own object is the first
    deep = json.loads("[" * levels + "]" * levels)
    odd = {"type": "E\x00", "message": "NUL \x00, half \ud83d, \u202e", "traceback": "x" * 500_000}
    assert http.post(URL, content=raw(body(x=deep, exception=odd, owner="a\ud800"))).status_code == 202
    assert http.post(URL, content=raw(body(task_id="t2", big="?")).replace(b'"?"', b"1e999")).status_code in {202, 400}
    assert failures(services) >= 1


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_read(http: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        yield b" " * BODY_LIMIT
        yield b" "

    answer = http.post(URL, content=b" " * (BODY_LIMIT + 1))
    assert answer.status_code == 413
    assert http.post(URL, content=chunks()).status_code == 413
    exact = raw(body())
    assert http.post(URL, content=exact + b" " * (BODY_LIMIT - len(exact))).status_code == 202


def test_an_address_takes_its_own_methods_only(http: TestClient) -> None:
    assert http.get(URL).status_code == 405
    assert http.post("/v1/incidents").status_code == 405
    assert http.get("/nothing/here").status_code == 404


ODD_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXT, inner, max_size=3),
    max_leaves=8,
)
FIELD = st.sampled_from(sorted(KNOWN | set(SYNONYMS) | {"extra", "signals", "team"}))
CHANGED = st.dictionaries(FIELD, ODD, max_size=4)


@given(st.binary(max_size=200) | ODD.map(raw) | CHANGED.map(lambda changed: raw(body() | changed))
       | st.lists(CHANGED, max_size=3).map(lambda many: raw({"signals": [body() | changed for changed in many]})))  # fmt: skip
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_is_sent_makes_a_5xx(http: TestClient, sent: bytes) -> None:
    answer = http.post(URL, content=sent)
    assert answer.status_code == 202 or 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    json.loads(answer.content)


def test_what_was_taken_can_be_read_back_whatever_it_holds(http: TestClient) -> None:
    odd = body(owner="\ud800", team={"x": [1e308, -0.0, 2**63]}, exception={"type": "E", "message": "\ud83d\x00"})
    assert http.post(URL, content=raw(odd)).status_code == 202
    assert http.get("/v1/incidents").status_code == 200
    assert http.get("/v1/incidents/1").status_code == 200


class Behind(Intake):
    """An intake that answers with what it is told to."""

    result: Any = None
    is_refused = False

    def submit(self, told: Any, answer: Callable[[Any], object]) -> None:  # noqa: ARG002 - the answer is fixed
        if self.is_refused:
            raise self.result
        answer(self.result)


CANNOT: list[tuple[Exception, str, bool]] = [
    (Temporary("behind", 2.0), "2", True),
    (Temporary("behind", 0.2), "1", True),
    (Temporary("disk is full"), "5", False),
    (Permanent("refused"), "5", False),
]


@pytest.mark.parametrize(("error", "wait", "is_refused"), CANNOT)
def test_what_we_cannot_take_is_a_503_that_says_when_to_come_back(
    services: Services, error: Exception, wait: str, is_refused: bool
) -> None:
    behind = Behind(services)
    behind.result, behind.is_refused = error, is_refused
    answer = TestClient(site(Edge(services, behind)), raise_server_exceptions=False).post(URL, json=body())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, wait)


class Held(Intake):
    """An intake that lets nothing through until its gate opens."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.gate = threading.Event()

    def _commit(self, batch: Any) -> None:
        assert self.gate.wait(30)
        super()._commit(batch)


def test_the_202_comes_after_the_commit_and_the_door_stays_open_meanwhile(services: Services) -> None:
    held = Held(services)
    held.start()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answers: list[httpx.Response] = []
    with served(Edge(services, held, lambda: TOKENS)) as url:
        post = threading.Thread(
            target=lambda: answers.append(httpx.post(url + URL, json=body(), headers=headers, timeout=30))
        )
        post.start()
        wait_until(lambda: held._backlog == 1, lambda: held._backlog)
        assert httpx.get(url + "/livez", timeout=10).status_code == 200
        assert answers == []
        assert failures(services) == 0
        held.gate.set()
        post.join(20)
        assert [answer.status_code for answer in answers] == [202]
        assert failures(services) == 1
    held.stop()


def test_a_writer_that_is_behind_refuses_over_http_and_takes_it_later(services: Services) -> None:
    held = Held(services)
    held.start()
    with served(Edge(services, held)) as url:
        held._backlog = BACKLOG
        refused = httpx.post(url + URL, json=body(), timeout=10)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        held._backlog = 0
        held.gate.set()
        assert httpx.post(url + URL, json=body(), timeout=10).status_code == 202
    held.stop()


def test_many_senders_is_refusedlose_nothing(services: Services, edge: Edge) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}

    def send(url: str, worker: int) -> list[int]:
        with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
            told = ({"signals": [body(task_id=f"t{worker}-{n}-{i}") for i in range(5)]} for n in range(10))
            return [client.post(URL, json=one).status_code for one in told]

    with served(edge) as url:
        answered = at_once(*(lambda worker=worker: send(url, worker) for worker in range(6)))
    assert answered == [[202] * 10] * 6
    assert failures(services) == 300
    assert edge.counted == {"accepted": 300, "duplicates": 0, "refused": 0}


def test_the_writer_goes_on_when_the_server_that_waited_is_gone(services: Services) -> None:
    held = Held(services)
    held.start()
    with served(Edge(services, held)) as url:
        post = threading.Thread(
            target=lambda: _ignore(lambda: httpx.post(url + URL, json=body(), timeout=30)), daemon=True
        )
        post.start()
        wait_until(lambda: held._backlog == 1, lambda: held._backlog)
    held.gate.set()
    assert held.take([failure(task_id="after")]) == Receipt(1, 0)
    held.stop()


def _ignore(work: Callable[[], object]) -> None:
    try:
        work()
    except httpx.HTTPError:
        return


def test_a_locked_store_is_a_503_for_signals_and_nothing_else_waits(
    services: Services, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.web.signals.COMMIT_SECONDS", 0.3)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with served(edge) as url, closing(sqlite3.connect(str(services.store.path), isolation_level=None)) as other:
        assert httpx.post(url + URL, json=body(), headers=headers, timeout=10).status_code == 202
        other.execute("BEGIN IMMEDIATE")
        refused = httpx.post(url + URL, json=body(task_id="b"), headers=headers, timeout=10)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert refused.json()["error"] == "the store is locked or slow; send this again in a moment"
        with httpx.Client(base_url=url, headers=headers, timeout=2) as client:
            assert client.get("/livez").status_code == 200
            assert client.get("/openapi.json").status_code == 200
        other.execute("ROLLBACK")
        answer = httpx.post(url + URL, json=body(task_id="b"), headers=headers, timeout=10)
        assert (answer.status_code, answer.json()) == (
            202,
            {"accepted": 0, "duplicates": 1},
        )  # it was committed after all


def test_a_writer_that_waits_for_a_lock_refuses_at_once(services: Services, edge: Edge) -> None:
    edge.intake._began = time.monotonic() - 60
    with served(edge) as url:
        refused = httpx.post(url + URL, json=body(), headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
        assert (refused.status_code, "locked or slow" in refused.text) == (503, True)
        edge.intake._began = None


def test_what_waits_for_its_commit_is_bounded_in_bytes_as_well(services: Services, edge: Edge) -> None:
    edge.intake._characters = BACKLOG_CHARACTERS
    with served(edge) as url:
        refused = httpx.post(url + URL, json=body(), headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
        assert (refused.status_code, "behind" in refused.text) == (503, True)
        edge.intake._characters = 0
