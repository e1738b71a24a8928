"""Which heads the door takes: those that two readers cannot read differently, and nothing else."""

from __future__ import annotations

import pytest

from bot.door.head import HEAD_LIMIT, length_of
from bot.door.plain import LIMIT

TOKEN = "the token"
PLAIN = ("POST /v1/signals HTTP/1.1", "Host: x", f"Authorization: Bearer {TOKEN}", "Content-Length: 7")


def read(*lines: str, token: str = TOKEN) -> int | None:
    return length_of("\r\n".join(lines).encode("latin-1"), token)


def test_a_plain_head_says_how_long_the_body_is() -> None:
    assert read(*PLAIN) == 7
    assert read(*PLAIN, "Content-Type: application/json", "Accept: */*", "X-Any: thing", "Connection: Keep-Alive") == 7
    assert read("POST /v1/signals HTTP/1.1", "host:x", "content-length:  7 ", "AUTHORIZATION: bEARER the token") == 7
    assert read("POST /v1/signals HTTP/1.1", "Host: x", "Content-Length: 7", token="") == 7


def test_a_long_head_is_for_the_bot() -> None:
    long = (*PLAIN, "X-Long: " + "x" * (HEAD_LIMIT - len("\r\n".join(PLAIN)) - 10))
    assert read(*long) == 7
    assert read(*long[:-1], long[-1] + "x") is None


@pytest.mark.parametrize("line", [
    "POST /v1/signals HTTP/1.0", "PUT /v1/signals HTTP/1.1", "POST /v1/signals?x HTTP/1.1", "POST  /v1/signals HTTP/1.1",
    "post /v1/signals HTTP/1.1", "POST http://x/v1/signals HTTP/1.1",
])  # fmt: skip
def test_another_request_is_for_the_bot(line: str) -> None:
    assert read(line, *PLAIN[1:]) is None


@pytest.mark.parametrize("line", [
    "Transfer-Encoding: chunked", "transfer-encoding : chunked", "Content-Length: 7", "Content-Length: 8", "Expect: 100-continue",
    "Connection: close", "Connection: Upgrade", "Upgrade: h2c", "Host: y", f"Authorization: Bearer {TOKEN}", " folded: line",
    "no colon", "bad name: x", "X-Odd: a\x00b", "X-Odd: a\nContent-Length: 9", "X-Odd: a\rb", ": nameless", "TE: trailers",
])  # fmt: skip
def test_one_odd_line_is_enough_for_the_bot(line: str) -> None:
    assert read(*PLAIN, line) is None


@pytest.mark.parametrize("length", ["", "0", "-7", "+7", "7.0", "0x7", "7 7", "7, 7", "٧", str(LIMIT + 1), "00000007"])
def test_an_odd_length_is_for_the_bot(length: str) -> None:
    assert length_of("\r\n".join((*PLAIN[:3], f"Content-Length: {length}")).encode(), TOKEN) is None


@pytest.mark.parametrize(
    "given", ["Bearer no", "Bearer", "Basic the token", "Bearer the token x", "", "Bearer\tthe token"]
)
def test_a_wrong_token_is_for_the_bot_which_says_so(given: str) -> None:
    assert read(*PLAIN[:2], f"Authorization: {given}", PLAIN[3]) is None
    assert read(*PLAIN[:2], PLAIN[3]) is None
