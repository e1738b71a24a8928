"""Signatures: the same cause has the same name however its values differ; other causes have other names."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core.signals.signature import mask, raising_function, short_type, sign, split_report

SAME_CAUSE: dict[str, list[str]] = {
    "uuids": ["Job 3f2504e0-4f89-11d3-9a0c-0305e82c3301 failed", "Job 9B2504E0-0000-11D3-9A0C-0305E82C33FF failed"],
    "IPv4 with a port": ["cannot reach 10.0.7.21:5432 now", "cannot reach 192.168.255.1:6432 now"],
    "IPv4": ["cannot reach 10.0.7.21 now", "cannot reach 192.168.255.1 now"],
    "IPv6": ["cannot reach [2001:db8::1]:5432 now", "cannot reach [fe80::1ff:fe23:4567:890a]:5433 now"],
    "a host with a port": ["cannot reach db-1.example.com:5432", "cannot reach db-replica.prod.internal:15432"],
    "PostgreSQL's own words": [
        'connection to server at "10.0.7.21", port 5432 failed: Connection refused',
        'connection to server at "10.0.9.3", port 6432 failed: Connection refused',
    ],
    "a requests error": [
        "HTTPSConnectionPool(host='api.example.com', port=443): Max retries exceeded with url: /v1/orders/17",
        "HTTPSConnectionPool(host='eu.example.com', port=8443): Max retries exceeded with url: /v1/orders/99812",
    ],
    "ISO times": ["no data since 2026-11-22T05:00:41.120Z here", "no data since 2025-01-02T23:59:59+02:00 here"],
    "times with a blank": ["no data since 2026-11-22 05:00:41 here", "no data since 2026-11-23 06:01:42,120 here"],
    "dates": ["no partition for 2026-11-22 yet", "no partition for 2025-01-31 yet"],
    "dates with slashes": ["no partition for 2026/11/22 yet", "no partition for 2025/1/3 yet"],
    "dates the German way": ["no partition for 22.11.2026 yet", "no partition for 3.1.2025 yet"],
    "dates the American way": ["no partition for 11/22/2026 yet", "no partition for 1/3/2025 yet"],
    "dates without marks": ["no partition for 20261122 yet", "no partition for 20250103 yet"],
    "compact times": ["no data since 20261122T050041Z here", "no data since 20250103T235959 here"],
    "RFC 1123 times": ["expired at Sun, 22 Nov 2026 05:00:41 GMT ago", "expired at Fri, 3 Jan 2025 23:59:59 GMT ago"],
    "ctime": ["expired at Sun Nov 22 05:00:41 2026 ago", "expired at Fri Jan 03 23:59:59 2025 ago"],
    "times of day": ["not before 05:00:41 today", "not before 23:59:59.120 today"],
    "epochs": ["token expired at 1795323641 now", "token expired at 1795329999.25 now"],
    "hexadecimal addresses": ["<Task at 0x7f3a2c> is gone", "<Task at 0x55d0e8b1c2f0> is gone"],
    "object addresses": [
        "cannot pickle <bot.Thing object at 0x7f3a2c9d0>",
        "cannot pickle <bot.Thing object at 0x7fffc9d01234>",
    ],
    "hashes": ["tree 9fceb02d0ae598e95dc970b74767f19372d61af8 gone", "tree da39a3ee5e6b4b0d3255bfef95601890afd80709 gone"],
    "short hashes": ["tree 9fceb02d gone", "tree da39a3ee gone"],
    "numbers": ["row 17 is bad", "row 90127 is bad"],
    "negative numbers and fractions": ["got -3.5 of it", "got 1e-7 of it"],
    "numbers with commas": ["got 1,234,567 rows", "got 12 rows"],
    "numbers that are compared": ["check failed: 3<10", "check failed: 12345<99"],
    "names that end in a number": ["worker-3 lost", "worker-17 lost"],
    "names with a number inside": ["file part_0007 lost", "file part_9123 lost"],
    "names that a number is glued to": ["shard abc123 lost", "shard abc923 lost"],
    "durations": ["timed out after 30.5s", "timed out after 1200s"],
    "durations in words": ["timed out after 30 seconds", "timed out after 1.5 seconds"],
    "durations in milliseconds": ["took 12ms to fail", "took 99871 ms to fail"],
    "sizes": ["needs 1.5 GB of memory", "needs 512 MiB of memory"],
    "paths": ["cannot open /var/data/2026/11/22/part-0001.parquet", "cannot open /var/data/2025/01/03/part-0817.parquet"],
    "Windows paths": [r"cannot open C:\jobs\17\in.csv", r"cannot open D:\jobs\99\out.csv"],
    "object keys with a date": [
        "NoSuchKey: s3://lake/orders/ds=2026-11-22/part-1.parquet",
        "NoSuchKey: s3://lake/orders/ds=2025-01-03/part-99.parquet",
    ],
    "partitions": ["missing ds=2026-11-22/hour=05", "missing ds=2025-01-03/hour=23"],
    "run ids": [
        "run scheduled__2026-11-22T05:00:00+00:00 is not there",
        "run manual__2025-01-03T23:59:59.120000+00:00 is not there",
    ],
    "pods": ["pod loader-7d4b9c6f5d-x2x9k was evicted", "pod loader-5f6d8b7c9c-abcde was evicted"],
    "pods of the executor": ["pod sales-load-8k2jq9xz was evicted", "pod sales-load-p0qwe7rt was evicted"],
    "e-mail addresses": ["no mailbox ana@example.com", "no mailbox ben.b+x@mail.example.org"],
    "addresses of pages": ["GET https://api.example.com/v1/a?x=1 broke", "GET http://10.0.0.1:8080/zz broke"],
    "quoted values": ["invalid literal for int() with base 10: 'abc'", "invalid literal for int() with base 10: 'x y'"],
    "a duplicate key": [
        'duplicate key value violates unique constraint "orders_pkey"\nDETAIL:  Key (id)=(90127) already exists.',
        'duplicate key value violates unique constraint "orders_pkey"\nDETAIL:  Key (id)=(3) already exists.',
    ],
    "SQLAlchemy's parameters": [
        "(psycopg.errors.X) bad\n[SQL: insert into t values (%s)]\n[parameters: {'a': 1, 'b': 'x'}]",
        "(psycopg.errors.X) bad\n[SQL: insert into t values (%s)]\n[parameters: {'a': 99, 'b': 'yyy'}]",
    ],
    "space": ["two  words\n\tand more", "two words and more "],
    "a long text whose values differ in length": [
        "row 1 " + "is bad in column name " * 150 + "x",
        "row 123456789 " + "is bad in column name " * 150 + "x",
    ],
}  # fmt: skip

OTHER_CAUSE: dict[str, list[str]] = {
    "SQLSTATE": ["failed, SQLSTATE 40001", "failed, SQLSTATE 23505", "failed, SQLSTATE[40P01]"],
    "HTTP status": ["404 Client Error: Not Found for url: https://x/1", "500 Server Error: x for url: https://x/1",
                    "403 Client Error: Forbidden for url: https://x/1"],
    "HTTP status by itself": ["the API answered status 404", "the API answered status 500", "status_code=503"],
    "HTTP reason": ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"],
    "errno": ["[Errno 111] failed", "[Errno 104] failed", "[Errno 28] failed"],
    "Oracle's codes": ["ORA-00942: failed", "ORA-01017: failed", "ORA-12154: failed"],
    "error codes": ["failed with error code 1045", "failed with error code 1146"],
    "MySQL's codes in brackets": ["(1045, 'Access denied')", "(1146, 'Access denied')"],
    "exit codes": ["Bash command failed: exit code 1", "Bash command failed: exit code 137"],
    "Airflow's exit codes": ["The command returned a non-zero exit code 1.", "The command returned a non-zero exit code 2."],
    "signals": ["killed by signal 9", "killed by signal 15", "killed by SIGKILL", "killed by SIGTERM"],
    "tables": ['relation "orders" does not exist', 'relation "customers" does not exist'],
    "columns": ['column "total" does not exist', 'column "price" does not exist'],
    "constraints": ['violates unique constraint "orders_pkey"', 'violates unique constraint "users_email_key"'],
    "modules": ["No module named 'pandas'", "No module named 'numpy.core'"],
    "attributes": ["'Frame' object has no attribute 'merge'", "'Frame' object has no attribute 'join'",
                   "'NoneType' object has no attribute 'merge'"],
    "names of imports": ["cannot import name 'a' from 'b'", "cannot import name 'c' from 'b'"],
    "arguments": ["f() got an unexpected keyword argument 'retries'", "f() got an unexpected keyword argument 'pool'"],
    "words": ["Connection refused", "Connection reset by peer"],
    "databases": ['database "sales" does not exist', 'database "billing" does not exist'],
}  # fmt: skip


@pytest.mark.parametrize("messages", SAME_CAUSE.values(), ids=list(SAME_CAUSE))
def test_the_same_cause_has_one_signature_however_its_values_differ(messages: list[str]) -> None:
    assert len({sign("E", message).name for message in messages}) == 1, [mask(message) for message in messages]


@pytest.mark.parametrize("messages", OTHER_CAUSE.values(), ids=list(OTHER_CAUSE))
def test_what_tells_causes_apart_is_not_masked(messages: list[str]) -> None:
    assert len({sign("E", message).name for message in messages}) == len(messages), [mask(m) for m in messages]


def test_the_type_and_the_function_tell_causes_apart_and_the_line_does_not() -> None:
    frames = 'Traceback (most recent call last):\n  File "x.py", line {}, in {}\n    x()\n'
    first = sign("psycopg.OperationalError", "gone", frames.format(10, "load"))
    assert first == sign("psycopg.OperationalError", "gone", frames.format(99, "load"))
    assert first.name != sign("psycopg.OperationalError", "gone", frames.format(10, "store")).name
    assert first.name != sign("psycopg.InterfaceError", "gone", frames.format(10, "load")).name


def test_a_signature_is_twelve_hexadecimal_characters() -> None:
    assert len(sign("E", "x").name) == 12
    int(sign("E", "x").name, 16)


def test_the_innermost_frame_is_the_one_that_counts() -> None:
    traceback = '  File "a.py", line 1, in outer\n    inner()\n  File "b.py", line 2, in <lambda>\n    x\nE: y'
    assert raising_function(traceback) == "<lambda>"
    assert raising_function("no frames at all") == ""
    assert short_type("psycopg.errors.OperationalError") == "OperationalError"


MESSAGE = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=300),
    st.lists(st.sampled_from([text for texts in (*SAME_CAUSE.values(), *OTHER_CAUSE.values()) for text in texts]),
             max_size=4).map(" ".join),
    st.text("0123456789abcxyz:/.-_=<>()[]'\"`@ T\n", max_size=200),
    st.text("\U000f0000\U000f0001\U000f0002" "0123 'a", max_size=60),
)  # fmt: skip


@given(MESSAGE)
@example("+11a/b.csv")  # what one pass uncovers, the next one masks
@example("_0x1f://s+")
@settings(max_examples=400, deadline=None)
def test_masking_what_is_masked_changes_nothing(message: str) -> None:
    once = mask(message)
    assert mask(once) == once


@given(MESSAGE, MESSAGE, MESSAGE)
@settings(deadline=None)
def test_no_text_at_all_makes_signing_fail(kind: str, message: str, traceback: str) -> None:
    signed = sign(kind, message, traceback)
    assert len(signed.name) == 12
    assert "\U000f0000" not in signed.masked
    split_report(message + traceback)


HOSTILE = ["a", "0", " ", "\n", "\t", "'", '"', "`", "(", ".", "/", ":", "-", "1.", "a.", "a-", "a:", "1:", "f:", "@", "a@",
           "0x", "a/b", "=", "x=", "1 ", "a1", "a-1", "\U000f0000", "<", "[parameters: ", "http://", "Key (a)=(",
           '  File "', "relation \"", "error code ", "2026-11-22", "Mon, 1 Jan "]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hundred_kilobytes_of_anything_cost_less_than_a_hundred_ordinary_messages_do(piece: str) -> None:
    """Time grows with the text, not with its square: compared with ordinary work on this very machine."""
    ordinary = "connection to server at 10.0.7.21, port 5432 failed: row 17 of orders is bad. " * 25

    def cost(text: str) -> float:
        begun = time.thread_time()
        sign("E", text, text)
        split_report(text)
        return time.thread_time() - begun

    usual = min(cost(ordinary) for _ in range(3))
    hostile = min(cost(piece * (100_000 // len(piece)) + "!") for _ in range(2))
    assert hostile < 100 * max(usual, 0.002), f"{hostile:.3f} s against {usual:.4f} s"


PASTED = {
    "the last line alone": ("ValueError: row 17 is bad", ("ValueError", "row 17 is bad", False)),
    "a type alone": ("KeyboardInterrupt", ("KeyboardInterrupt", "", False)),
    "a message alone": ("something is wrong", ("", "something is wrong", False)),
    "a dotted type": ("psycopg.errors.X: gone", ("psycopg.errors.X", "gone", False)),
    "type, message, then traceback": (
        'ValueError: bad\nTraceback (most recent call last):\n  File "a.py", line 3, in f\n    x()\n',
        ("ValueError", "bad", True),
    ),
    "a whole traceback": (
        'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    x()\nValueError: bad',
        ("ValueError", "bad", True),
    ),
    "a whole traceback with a message of several lines": (
        'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    x()\npsycopg.errors.UndefinedTable: '
        'relation "x" does not exist\nLINE 1: SELECT * FROM x\n                      ^\n',
        ("psycopg.errors.UndefinedTable", 'relation "x" does not exist\nLINE 1: SELECT * FROM x\n                      ^',
         True),
    ),
    "an exception that came of another": (
        'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    x()\nKeyError: 1\n\nDuring handling of the '
        'above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File "b.py", line 9, in g\n'
        "    y()\nValueError: bad\n",
        ("ValueError", "bad", True),
    ),
    "frames without their heading": ('ValueError: bad\n  File "a.py", line 3, in f\n    x()\n', ("ValueError", "bad", True)),
    "nothing": ("\n\n", ("", "", False)),
}  # fmt: skip


@pytest.mark.parametrize(("text", "parts"), PASTED.values(), ids=list(PASTED))
def test_an_exception_is_understood_however_it_is_pasted(text: str, parts: tuple[str, str, bool]) -> None:
    kind, message, traceback = split_report(text)
    assert (kind, message, bool(raising_function(traceback))) == parts
