"""The door on the wire, as a process before the bot: whatever is sent, whoever sends it sees what the bot alone would have
said, in the same order."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from bot.door.head import LINE
from bot.door.keeper import Given, Keeper, listening
from bot.door.plain import LIMIT
from bot.responder.intake import Intake
from bot.web.edge import Edge
from bot.web.signals import BODY_LIMIT
from bot.web.site import site
from tests.door.test_plain import SENT
from tests.given import Clock, a_desk
from tests.scenarios.waiting import eventually
from tests.web.conftest import TOKEN

Said = tuple[str, list[str], bytes]  # the status line, the headers but the date, the body
RIGHT = f"Authorization: Bearer {TOKEN}"
NUMBERS = itertools.count()
ALIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


class Site:
    """The bot's pages in a thread, at a port or at a path."""

    def __init__(self, edge: Edge, **where: Any) -> None:
        config = uvicorn.Config(site(edge), lifespan="off", log_level="critical", access_log=False, proxy_headers=False,
                                server_header=False, timeout_graceful_shutdown=20, **where)  # fmt: skip
        self.edge, self.server = edge, uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> Site:
        self.thread.start()
        eventually(lambda: self.server.started, lambda: "the server did not start", 20)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(20)

    @property
    def port(self) -> int:
        return int(self.server.servers[0].sockets[0].getsockname()[1])


class Served:
    """A door before a site, on a store of its own."""

    def __init__(self, edge: Edge, behind: Site, folder: Path) -> None:
        self.edge, self.behind = edge, behind
        listener = listening("127.0.0.1", 0)
        self.port: int = listener.getsockname()[1]
        self.observed = [0]
        given = Given(edge.desk.store.inbox, TOKEN, str(folder / "bot"))
        self.keeper = Keeper(listener, given, edge.intake.observer.wake, lambda: edge.intake.observer.upto)

    def __enter__(self) -> Served:
        self.keeper.start()
        eventually(lambda: not self.keeper.trouble, lambda: self.keeper.trouble, 20)
        return self

    def __exit__(self, *_: object) -> None:
        self.keeper.stop()

    @property
    def taken(self) -> int:
        return self.keeper.counted["accepted"]


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


@contextmanager
def an_edge(folder: Path) -> Iterator[Edge]:
    folder.mkdir(exist_ok=True)
    with ExitStack() as exits:
        desk = a_desk(f"sqlite:///{folder / 's.db'}", Clock(), ())
        exits.callback(desk.store.close)
        intake = Intake(desk)
        intake.start()
        exits.callback(intake.stop)
        yield Edge(desk, intake, TOKEN)


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    with an_edge(folder) as edge, Site(edge, uds=str(folder / "bot")) as behind, Served(edge, behind, folder) as door:
        yield door


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "door") as one:
        yield one


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Site]]:
    """The door before a bot, and a bot alone."""
    folder = tmp_path_factory.mktemp("both")
    with served(folder / "door") as ours, an_edge(folder / "bot") as edge, Site(edge, port=0) as alone:
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
def test_the_door_says_what_the_bot_alone_would_have_said(
    both: tuple[Served, Site], token: list[str], others: list[str], changed: dict[str, Any], line: dict[str, Any],
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
def test_a_request_may_come_in_pieces(both: tuple[Served, Site], changed: dict[str, Any], size: int) -> None:
    sent = request(news(**changed), RIGHT)
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    ours, alone = (exchange(one.port, *pieces) for one in both)
    assert ours == alone
    assert ours[1]


def test_pipelined_requests_are_answered_in_their_order(both: tuple[Served, Site]) -> None:
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
        line.send(request(same := news(), RIGHT), request(same, RIGHT))
        assert [line.hear()[2] for _ in range(2)] == [
            b'{"accepted":1,"duplicates":0}',
            b'{"accepted":0,"duplicates":1}',
        ]
    eventually(lambda: door.keeper.counted == {"accepted": 51, "duplicates": 1}, lambda: door.keeper.counted)
    eventually(lambda: door.edge.intake.observer.upto == 51, lambda: door.edge.intake.observer.upto)


@pytest.mark.parametrize("behind", ["nothing", "a request of the bot's", "half of one"])
def test_a_sender_that_has_said_all_hears_what_became_of_its_signals(door: Served, behind: str) -> None:
    rest = {
        "nothing": b"",
        "a request of the bot's": ALIVE,
        "half of one": LINE + b"Host: x\r\n",
    }[behind]
    with Line(door.port) as line:
        line.send(request(news(), RIGHT) + request(news(), RIGHT) + rest)
        line.socket.shutdown(socket.SHUT_WR)
        for _ in range(2):
            assert line.hear()[2] == b'{"accepted":1,"duplicates":0}'
        line.hear()  # of the bot's, whatever it says to one that does not listen for more
        assert line.hear() == ("", [], b"")


def test_what_is_plain_is_taken_at_the_door_and_all_else_by_the_bot(door: Served) -> None:
    exchange(door.port, request(news(), RIGHT))
    exchange(door.port, request(news(), RIGHT, "Connection: keep-alive"))  # as most clients say
    eventually(lambda: door.taken == 2, lambda: door.keeper.counted)
    assert door.edge.counted["accepted"] == 0
    exchange(door.port, request(news(kind="run_failed"), RIGHT))
    assert (door.taken, door.edge.counted["accepted"]) == (2, 1)


@pytest.mark.parametrize("size", [100_000, 900_000])
def test_large_bodies_go_through_whole(both: tuple[Served, Site], size: int) -> None:
    told = [SENT | {"kind": "run_failed", "run_id": f"r{next(NUMBERS)}", "log_url": "x" * 1_000}] * (size // 2_000)
    sent = request(json.dumps({"signals": told}).encode(), RIGHT)
    ours, alone = (exchange(one.port, sent) for one in both)
    assert ours == alone
    assert ours[0][0][0].endswith("202 Accepted")


def test_a_bot_that_does_not_listen_is_a_503_with_a_time_to_come_back_while_signals_are_taken(door: Served) -> None:
    door.behind.__exit__()
    with Line(door.port) as line:
        line.send(ALIVE)
        status, headers, body = line.hear()
        assert (status.split()[1], "retry-after: 2" in headers, b"bot" in body) == ("503", True, True)
    with Line(door.port) as line:
        line.send(request(news(), RIGHT))
        assert line.hear()[0].endswith("202 Accepted")


def test_a_door_that_dies_is_opened_again_and_nobody_is_refused(door: Served) -> None:
    with Line(door.port) as line:
        line.send(request(same := news(), RIGHT))
        assert line.hear()[0].endswith("202 Accepted")
        eventually(lambda: door.taken == 1, lambda: door.keeper.counted)
        assert door.keeper._process
        door.keeper._process.kill()
        assert line.hear() == ("", [], b"")
    with Line(door.port) as line:  # at once: it waits in line
        line.socket.settimeout(20)
        line.send(request(same, RIGHT), request(news(), RIGHT))
        assert [line.hear()[2] for _ in range(2)] == [
            b'{"accepted":0,"duplicates":1}',
            b'{"accepted":1,"duplicates":0}',
        ]
    eventually(lambda: door.keeper.counted == {"accepted": 2, "duplicates": 1}, lambda: door.keeper.counted)
    assert door.keeper.trouble == ""


@pytest.mark.parametrize("half", [False, True], ids=["nothing had come", "half of it had come"])
def test_at_its_end_whoever_is_half_way_is_answered_first(door: Served, half: bool) -> None:
    sent = request(news(), RIGHT)
    with Line(door.port) as line, Line(door.port) as idle:
        line.send(sent)
        assert line.hear()[0].endswith("202 Accepted")
        sent = request(news(), RIGHT)
        if half:
            line.send(sent[: len(sent) // 2])
            idle.send(request(news(), RIGHT))
            assert idle.hear()[0].endswith("202 Accepted")  # so what had come before was seen, too
        ends = threading.Thread(target=door.keeper.stop)
        ends.start()
        assert idle.hear() == ("", [], b"")
        if half:
            line.send(sent[len(sent) // 2 :])
            status, headers, _ = line.hear()
            assert (status.split()[1], "connection: close" in headers) == ("202", True)
        assert line.hear() == ("", [], b"")
        ends.join(20)
        assert not ends.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", door.port), timeout=3)


def test_who_comes_when_the_bot_was_killed_finds_the_port_free(door: Served) -> None:
    """Its end of the pipe closes with it; nobody tells the door, and whoever is half-way does not keep the port."""
    process = door.keeper._process
    assert process
    assert process.stdin
    with Line(door.port) as half, Line(door.port) as other:
        half.send(request(news(), RIGHT)[:-1])
        other.send(request(news(), RIGHT))
        assert other.hear()[0].endswith("202 Accepted")
        door.keeper._stopping.set()
        door.keeper._listener.close()
        process.stdin.close()
        listening("127.0.0.1", door.port).close()
        assert process.poll() is None
        half.send(b"}")
        assert half.hear()[0].endswith("202 Accepted")


def test_a_port_that_somebody_has_is_said() -> None:
    taken = listening("127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        listening("127.0.0.1", taken.getsockname()[1])
    taken.close()
