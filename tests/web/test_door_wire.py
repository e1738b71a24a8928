"""The door on the wire: whatever is sent, whoever sends it sees what the site alone would have said, in the same order."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bot.core.errors import Temporary
from bot.responder.intake import Intake
from bot.web.door import Door
from bot.web.edge import Edge
from bot.web.plain import LIMIT
from bot.web.signals import BODY_LIMIT
from bot.web.site import site
from tests.given import Clock, a_desk
from tests.scenarios.waiting import eventually
from tests.web.conftest import TOKEN
from tests.web.test_door import SENT

Said = tuple[str, list[str], bytes]  # the status line, the headers but the date, the body
RIGHT = f"Authorization: Bearer {TOKEN}"
NUMBERS = itertools.count()
ALIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


class Served:
    """A server in a thread, on a store of its own."""

    def __init__(self, edge: Edge, protocol: type[HttpToolsProtocol]) -> None:
        config = uvicorn.Config(site(edge), http=protocol, lifespan="off", log_level="critical", access_log=False,
                                proxy_headers=False, timeout_graceful_shutdown=20)  # fmt: skip
        self.edge, self.server = edge, uvicorn.Server(config)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self._listener]}, daemon=True)

    def __enter__(self) -> Served:
        self.thread.start()
        eventually(lambda: self.server.started, lambda: "the server did not start", 20)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        self._listener.close()


class Line:
    """A connection of a sender's."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=3)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def hear(self) -> Said:
        """The next answer; empty when it hung up. `100 Continue` is none."""
        status = self._file.readline().decode().strip()
        headers = [line for line in iter(lambda: self._file.readline().decode().strip().lower(), "")]
        if status.startswith("HTTP/1.1 100"):
            return self.hear()
        length = next((int(line.split(":")[1]) for line in headers if line.startswith("content-length")), 0)
        return status, sorted(line for line in headers if not line.startswith("date:")), self._file.read(length)

    def is_open(self) -> bool:
        """Whether another request is answered here."""
        try:
            self.send(ALIVE)
            return self.hear()[0].endswith("200 OK")
        except (ConnectionResetError, BrokenPipeError):
            return False


class Held(Intake):
    """A writer that takes its time, until it is let go."""

    def __init__(self, inner: Intake) -> None:
        self._inner, self.waiting = inner, cast("list[tuple[Any, Any]]", [])

    def submit(self, told: Any, answer: Any) -> None:
        self.waiting.append((told, answer))

    def go(self) -> None:
        for told, answer in self.waiting:
            self._inner.submit(told, answer)


@contextmanager
def served(folder: Path, protocol: type[HttpToolsProtocol] = Door) -> Iterator[Served]:
    folder.mkdir(exist_ok=True)
    with ExitStack() as exits:
        desk = a_desk(f"sqlite:///{folder / 's.db'}", Clock(), ())
        exits.callback(desk.store.close)
        intake = Intake(desk)
        intake.start()
        exits.callback(intake.stop)
        yield exits.enter_context(Served(Edge(desk, intake, TOKEN), protocol))


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "door") as one:
        yield one


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    """The door before the site, and the site alone."""
    folder = tmp_path_factory.mktemp("both")
    with served(folder / "door") as ours, served(folder / "site", HttpToolsProtocol) as alone:
        yield ours, alone


def request(
    body: bytes, *headers: str, method: str = "POST", path: str = "/v1/signals", version: str = "1.1",
    length: str | None = None,
) -> bytes:  # fmt: skip
    said = f"Content-Length: {len(body)}" if length is None else length
    lines = [f"{method} {path} HTTP/{version}", "Host: x", *headers, *([said] if said else [])]
    return "\r\n".join([*lines, "", ""]).encode() + body


def news(**changed: Any) -> bytes:
    """A body of a plain signal that was not told before."""
    return json.dumps(SENT | {"task_id": f"t{next(NUMBERS)}"} | changed).encode()


def exchange(port: int, *pieces: bytes, answers: int = 1) -> tuple[list[Said], bool]:
    """What was answered, and whether the connection stayed open."""
    with Line(port) as line:
        line.send(*pieces)
        return [line.hear() for _ in range(answers)], line.is_open()


AUTHORIZATIONS = st.sampled_from([
    [RIGHT], [RIGHT], [RIGHT], [RIGHT.lower().replace("bearer the token", "bearer the token")], ["Authorization: Bearer no"],
    [], ["Authorization: Basic x"], [RIGHT, "Authorization: Bearer no"], ["Authorization: Bearer no", RIGHT],
    ["Authorization:", RIGHT], ["Authorization: Bearer ünï"], [RIGHT + "  "],
])  # fmt: skip
OTHERS = st.lists(st.sampled_from([
    "Connection: close", "Connection: keep-alive", "Expect: 100-continue", "Content-Type: application/json",
    "Connection: Upgrade\r\nUpgrade: h2c", "X-Odd: \t", "content-type: text/plain", "Accept: */*",
]), max_size=2, unique=True)  # fmt: skip
KINDS = st.sampled_from([{}, {}, {"kind": "run_failed"}, {"task_id": "same"}, {"unknown": 1}, {"task_id": ""},
                         {"log_url": "x" * LIMIT}, {"occurred_at": "soon"}])  # fmt: skip
LENGTHS = [f"Content-Length: {BODY_LIMIT + 1}", "", "Content-Length: 0", "Transfer-Encoding: chunked"]
PATHS = ["/v1/signals?x=1", "/v1/signals/", "/v1/%73ignals", "/v1/signals#x", "http://x/v1/signals"]
LINES = st.one_of(
    st.just({}),
    st.fixed_dictionaries({}, optional={"version": st.sampled_from(["1.0", "1.1"]),
                                        "method": st.sampled_from(["PUT", "GET"]), "path": st.sampled_from(PATHS)}),
    st.fixed_dictionaries({"length": st.sampled_from(LENGTHS)}),
)  # fmt: skip


@settings(
    max_examples=100,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(AUTHORIZATIONS, OTHERS, KINDS, LINES, st.booleans())
@example([RIGHT], [], {}, {}, False)
@example([RIGHT], [], {}, {"version": "1.0"}, False)
@example([], [], {}, {}, False)
def test_the_door_says_what_the_site_alone_would_have_said(
    both: tuple[Served, Served], token: list[str], others: list[str], changed: dict[str, Any], line: dict[str, Any],
    is_broken: bool,
) -> None:  # fmt: skip
    body = news(**changed)[: -1 if is_broken else None]
    length = line.get("length")
    if length == "Transfer-Encoding: chunked":
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    elif length is not None:
        body = b""
    sent = request(body, *token, *others, **line)
    ours, alone = (exchange(one.port, sent) for one in both)
    assert ours == alone


@pytest.mark.parametrize(
    "changed", [{}, {"kind": "run_failed"}, {"unknown": 1}], ids=["plain", "another kind", "wrong"]
)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_request_may_come_in_pieces(both: tuple[Served, Served], changed: dict[str, Any], size: int) -> None:
    sent = request(news(**changed), RIGHT)
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    ours, alone = (exchange(one.port, *pieces) for one in both)
    assert ours == alone
    assert ours[1]


def test_pipelined_requests_are_answered_in_their_order(both: tuple[Served, Served]) -> None:
    same = news()
    sent = [request(same, RIGHT), request(b"{}", RIGHT), ALIVE, request(news(kind="run_failed"), RIGHT),
            request(same, RIGHT), request(same, RIGHT), request(news(), RIGHT)]  # fmt: skip
    for pieces in ([b"".join(sent)], [b"".join(sent)[:1000], b"".join(sent)[1000:]], sent):
        ours, alone = (exchange(one.port, *pieces, answers=len(sent)) for one in both)
        assert ours == alone
    assert [said[0].split()[1] for said in ours[0]] == ["202", "422", "200", "202", "202", "202", "202"]


def test_one_connection_is_kept_for_many_requests(door: Served) -> None:
    with Line(door.port) as line:
        for _ in range(50):
            line.send(request(news(), RIGHT))
            assert line.hear()[2] == b'{"accepted":1,"duplicates":0}'
    assert door.edge.counted["accepted"] == 50


def test_what_is_plain_does_not_go_to_the_site_and_all_else_does(door: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[bytes] = []
    inner = Door._to_the_site
    monkeypatch.setattr(Door, "_to_the_site", lambda self: (gone.append(self.url), inner(self)))
    exchange(door.port, request(news(), RIGHT))
    exchange(door.port, request(news(), RIGHT, "Connection: keep-alive"))  # as most clients say
    assert gone == [b"/livez", b"/livez"]
    gone.pop()
    exchange(door.port, request(news(kind="run_failed"), RIGHT))
    assert gone == [b"/livez", b"/v1/signals", b"/livez"]


@pytest.mark.parametrize("when", ["at once", "later"])
def test_a_writer_that_cannot_take_more_is_a_503_with_a_time_to_come_back(
    both: tuple[Served, Served], when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = Temporary("the writer is behind", retry_after=1.5)

    def submit(_: Any, answer: Any) -> None:
        if when == "at once":
            raise behind
        threading.Thread(target=answer, args=(behind,)).start()

    for one in both:
        monkeypatch.setattr(one.edge.intake, "submit", submit)
    ours, alone = (exchange(one.port, request(news(), RIGHT)) for one in both)
    assert ours == alone
    ((status, headers, body),), is_open = ours
    assert (status.split()[1], "retry-after: 2" in headers, b"behind" in body, is_open) == ("503", True, True, True)


def test_whoever_has_gone_before_the_answer_does_no_harm(door: Served) -> None:
    held = door.edge.intake = Held(intake := door.edge.intake)
    with Line(door.port) as gone, Line(door.port) as stays:
        gone.send(request(news(), RIGHT))
        stays.send(request(news(), RIGHT))
        eventually(lambda: len(held.waiting) == 2, lambda: held.waiting, 20)
        gone.__exit__()
        eventually(lambda: len(door.server.server_state.connections) == 1, lambda: "it did not see that", 20)
        held.go()
        assert stays.hear()[0].endswith("202 Accepted")
        door.edge.intake = intake
        stays.send(request(news(), RIGHT))
        assert stays.hear()[0].endswith("202 Accepted")
    assert door.edge.counted["accepted"] == 3


@pytest.mark.parametrize("half", [False, True], ids=["whole", "half of it had come"])
def test_a_shutdown_waits_for_who_was_not_answered_yet(door: Served, half: bool) -> None:
    held, sent = Held(door.edge.intake), request(news(), RIGHT)
    door.edge.intake = held
    with Line(door.port) as line:
        line.send(sent[: len(sent) // 2])
        if not half:
            line.send(sent[len(sent) // 2 :])
            eventually(lambda: held.waiting, lambda: "it was not taken", 20)
        connections = door.server.server_state.connections
        eventually(lambda: any(one.cycle for one in connections), lambda: "it was not seen", 20)
        door.server.should_exit = True
        eventually(lambda: not next(iter(connections)).cycle.keep_alive, lambda: "no end in sight", 20)
        if half:
            line.send(sent[len(sent) // 2 :])
            eventually(lambda: held.waiting, lambda: "it was not taken", 20)
        held.go()
        status, headers, _ = line.hear()
        assert (status.split()[1], "connection: close" in headers) == ("202", True)
        assert not line.is_open()
    door.thread.join(20)
    assert not door.thread.is_alive()
