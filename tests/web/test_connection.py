"""What a stranger can hold of the server: a little time, a little memory, few descriptors, and never another's."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from bot.web import connection
from bot.web.http import Edge
from bot.web.server import server
from bot.web.signals import BODY_LIMIT
from tests.given import wait_until
from tests.web.wire import ALIVE, RIGHT, Line, Running, news, request, running

HALF_HEAD = b"POST /v1/signals HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def site(edge: Edge) -> Iterator[Running]:
    with running(edge) as one:
        yield one


def limited(site: Running, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(site.server.config.http_protocol_class, "limit", most)


def memory() -> int:
    """Bytes that are resident now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def is_closed(line: Line) -> bool:
    try:
        return line.hear()[0] in {0, 408}
    except TimeoutError:
        return False


class TestTime:
    @pytest.mark.parametrize("sent", [b"", b"P", HALF_HEAD], ids=["nothing", "one byte", "half a head"])
    def test_a_head_that_does_not_end_is_given_up(
        self, site: Running, monkeypatch: pytest.MonkeyPatch, sent: bytes
    ) -> None:
        monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
        with Line(site.port) as line:
            line.send(sent)
            assert is_closed(line)
        wait_until(lambda: not site.connections, lambda: site.connections)

    def test_a_byte_now_and_then_does_not_lengthen_it(self, site: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "HEAD_SECONDS", 1.0)
        with Line(site.port) as line:
            line.socket.settimeout(0.1)  # the pace of the bytes
            for byte in HALF_HEAD * 3:
                try:
                    line.send(bytes([byte]) if byte > 32 else b"x")
                    answer = line.socket.recv(1_000)
                except TimeoutError:
                    continue
                assert answer.startswith(b"HTTP/1.1 408")
                return
        pytest.fail("it was still open after a hundred bytes")

    def test_a_body_that_does_not_end_is_given_up(self, site: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "BODY_SECONDS", 0.2)
        with Line(site.port) as line:
            line.send(request(news(1), RIGHT)[:-1])
            status, headers, body = line.hear()
            assert (status, "connection: close" in headers) == (408, True)
            assert b"took too long" in body
        wait_until(lambda: not site.connections, lambda: site.connections)

    def test_a_peer_that_does_not_read_is_given_up(self, site: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "READER_SECONDS", 0.2)
        with Line(site.port) as line:
            line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            with pytest.raises(OSError, match=r".*"):  # noqa: PT012 - until the server resets it
                while True:
                    line.send(ALIVE.replace(b"/livez", b"/openapi.json") * 50)
        wait_until(lambda: not site.connections, lambda: site.connections)

    def test_a_slow_sender_within_the_time_is_served(self, site: Running) -> None:
        with Line(site.port) as line:
            for piece in [request(news(1), RIGHT)[at : at + 40] for at in range(0, len(request(news(1), RIGHT)), 40)]:
                line.send(piece)
            assert line.hear()[0] == 202


class TestRoom:
    @pytest.mark.parametrize("sent", [b"", HALF_HEAD, request(news(1), RIGHT)[:-1]], ids=["silent", "head", "body"])
    def test_half_open_connections_keep_out_nobody(
        self, site: Running, monkeypatch: pytest.MonkeyPatch, sent: bytes
    ) -> None:
        limited(site, monkeypatch, 40)
        with ExitStack() as open_ones:
            for _ in range(100):
                open_ones.enter_context(Line(site.port)).send(sent)
                assert len(site.connections) <= 41
            for number in range(3):
                with Line(site.port) as line:
                    line.send(request(news(number), RIGHT))
                    assert line.hear()[0] == 202

    def test_one_address_has_half_of_the_room(self, site: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        limited(site, monkeypatch, 40)
        with ExitStack() as open_ones:
            for _ in range(100):
                open_ones.enter_context(Line(site.port))
            wait_until(lambda: len(site.connections) <= 20, lambda: len(site.connections))
            other = socket.create_connection(("127.0.0.1", site.port), timeout=10, source_address=("127.0.0.2", 0))
            wait_until(lambda: len(site.connections) == 21, lambda: len(site.connections))
            other.close()

    def test_who_is_being_answered_is_not_sent_away(
        self, site: Running, edge: Edge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limited(site, monkeypatch, 8)
        kept: list[object] = []
        monkeypatch.setattr(edge.intake, "submit", lambda _, answer: kept.append(answer))
        with ExitStack() as open_ones:
            for number in range(4):
                open_ones.enter_context(Line(site.port)).send(request(news(number), RIGHT))
            wait_until(lambda: len(kept) == 4, lambda: kept)
            status, headers, body = open_ones.enter_context(Line(site.port)).hear()
            assert (status, "connection: close" in headers, b"too many connections" in body) == (503, True, True)
            wait_until(lambda: len(site.connections) == 4, lambda: site.connections)

    def test_the_room_is_half_of_the_descriptors_at_the_most(self) -> None:
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        made: Any = server(cast("Any", None)).config.http
        assert made.limit == min(512, soft // 2)


class TestHeads:
    @pytest.mark.parametrize("size", [66_000, 70_000, 300_000, 3_000_000])
    @pytest.mark.parametrize("shape", ["one header", "many headers", "the path"])
    def test_a_head_over_64_kib_is_a_431_whatever_is_large_about_it(self, site: Running, size: int, shape: str) -> None:
        big = b"x" * size
        lines = {"one header": b"X: " + big, "many headers": b"\r\n".join([b"a: b"] * (size // 4)), "the path": b"X: y"}
        path = b"/" + big if shape == "the path" else b"/livez"
        with Line(site.port) as line:
            with suppress(BrokenPipeError, ConnectionResetError):  # it is answered before all of it was sent
                line.send(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + lines[shape] + b"\r\n\r\n")
            assert line.hear()[0] == 431

    def test_heads_that_never_end_keep_the_memory_flat(self, site: Running) -> None:
        with ExitStack() as open_ones:
            before = memory()
            for _ in range(30):
                line = open_ones.enter_context(Line(site.port))
                try:
                    line.send(HALF_HEAD + b"X: " + b"y" * 1_000_000)
                except (BrokenPipeError, ConnectionResetError):
                    continue
            assert memory() - before < 16_000_000

    @pytest.mark.parametrize(
        "head",
        [b"GET /livez HTTP/1.1\r\n\r\n", b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
         b"GET /livez HTTP/1.1\r\nHost: a\r\nX:" + b" " * 3_860 + b"\x00\r\n\r\n", b"\x16\x03\x01\r\n\r\n",
         b"GET /livez HTTP/9.9\r\nHost: a\r\n\r\n", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
         HALF_HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", HALF_HEAD + b"Content-Length: x\r\n\r\n",
         HALF_HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n"],
        ids=range(10),
    )  # fmt: skip
    def test_an_odd_head_is_a_4xx_and_the_next_one_is_served(
        self, site: Running, head: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        with Line(site.port) as line:
            line.send(head)
            status = line.hear()[0]
            assert status in {400, 501, 505}, status
        with Line(site.port) as line:
            assert line.is_open()
        assert caplog.text == ""

    def test_odd_bytes_in_the_middle_of_a_body_cost_only_their_connection(
        self, site: Running, caplog: pytest.LogCaptureFixture
    ) -> None:
        with Line(site.port) as line:
            line.send(HALF_HEAD + RIGHT.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n")
            assert line.hear()[0] == 400
        with Line(site.port) as line:
            line.send(request(news(1), RIGHT)[:-1])
        wait_until(lambda: not site.connections, lambda: site.connections)
        assert caplog.text == ""


class TestBodies:
    @pytest.mark.parametrize("size", [BODY_LIMIT + 1, 2 * BODY_LIMIT, 8 * BODY_LIMIT])
    @pytest.mark.parametrize("token", [RIGHT, "X: none"], ids=["413", "401"])
    def test_who_sends_too_much_hears_so_every_time(self, site: Running, size: int, token: str) -> None:
        for _ in range(5):
            with Line(site.port) as line:
                line.send(request(b" " * size, token))
                assert line.hear()[0] == (413 if token is RIGHT else 401)

    def test_a_chunked_body_that_never_ends_is_refused_on_the_way(self, site: Running, edge: Edge) -> None:
        with Line(site.port) as line:
            line.send(HALF_HEAD + RIGHT.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
            with pytest.raises((BrokenPipeError, ConnectionResetError)):  # noqa: PT012 - until it is reset
                while True:
                    line.send(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        assert edge.counted["refused"] == 1
        assert edge.held == 0
        assert httpx.get(f"{site.url}/livez", timeout=10).status_code == 200

    def test_a_body_that_is_waited_for_is_not_asked_for_when_it_is_too_large(self, site: Running) -> None:
        with Line(site.port) as line:
            line.send(request(b"", RIGHT, "Expect: 100-continue", length=BODY_LIMIT + 1))
            assert line.hear()[0] == 413

    def test_all_bodies_together_are_bounded(self, site: Running, edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.web.signals.HELD_LIMIT", 300_000)
        with ExitStack() as open_ones:
            for _ in range(2):
                open_ones.enter_context(Line(site.port)).send(request(b" " * 140_000, RIGHT, length=200_000))
            wait_until(lambda: edge.held == 280_000, lambda: edge.held)
            with Line(site.port) as line:
                line.send(request(b" " * 100_000, RIGHT))
                assert line.hear()[0] == 503
        wait_until(lambda: edge.held == 0, lambda: edge.held)


class TestOneAfterTheOther:
    @pytest.mark.parametrize("size", [1, 7, 100])
    def test_a_request_may_come_in_pieces(self, site: Running, size: int) -> None:
        sent = request(news(1), RIGHT)
        with Line(site.port) as line:
            line.send(*(sent[at : at + size] for at in range(0, len(sent), size)))
            assert line.hear()[0] == 202
            assert line.is_open()

    def test_pipelined_requests_are_answered_in_their_order(self, site: Running) -> None:
        same = news(1)
        sent = [request(same, RIGHT), request(b"{}", RIGHT), ALIVE, request(news(2, kind="run_failed"), RIGHT),
                request(same, RIGHT), request(news(3), RIGHT)]  # fmt: skip
        with Line(site.port) as line:
            line.send(b"".join(sent))
            assert [line.hear()[0] for _ in sent] == [202, 422, 200, 202, 202, 202]

    def test_one_connection_is_kept_for_many_requests(self, site: Running, edge: Edge) -> None:
        with Line(site.port) as line:
            for number in range(50):
                line.send(request(news(number), RIGHT))
                assert line.hear()[2] == b'{"accepted":1,"duplicates":0}'
            line.send(request(news(0), RIGHT))
            assert line.hear()[2] == b'{"accepted":0,"duplicates":1}'
        wait_until(lambda: edge.intake.observer.upto == 50, lambda: edge.intake.observer.upto)

    @pytest.mark.parametrize("behind", [b"", ALIVE, HALF_HEAD], ids=["nothing", "another request", "half of one"])
    def test_a_sender_that_has_sent_its_last_byte_hears_what_became_of_its_signals(
        self, site: Running, behind: bytes
    ) -> None:
        with Line(site.port) as line:
            line.send(request(news(1), RIGHT) + request(news(2), RIGHT) + behind)
            line.socket.shutdown(socket.SHUT_WR)
            for _ in range(2):
                assert line.hear()[2] == b'{"accepted":1,"duplicates":0}'
            if behind is ALIVE:
                assert line.hear()[0] == 200
            assert line.hear()[0] == 0

    def test_no_answer_may_be_taken_for_another_type(self, site: Running) -> None:
        with Line(site.port) as line:
            line.send(ALIVE)
            assert "x-content-type-options: nosniff" in line.hear()[1]
