"""Both log formats become plain lines, whatever is in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.airflow import logs


@given(
    st.lists(
        st.binary(max_size=80) | st.sampled_from([b'{"error_detail": [{"frames": [1]}]}', b'{"event": 3}']), max_size=6
    )
)
def test_no_log_however_odd_makes_rendering_raise(parts: list[bytes]) -> None:
    body = b"\n".join(parts)
    logs.from_events(body)
    logs.from_text(body)


def test_a_structured_log_shows_its_exception_as_python_prints_it() -> None:
    body = (
        b'{"timestamp":null,"event":"::group::Log message source details"}\n'
        b'{"timestamp":"2026-11-22T13:35:10Z","event":"Task failed with exception","level":"error","error_detail":'
        b'[{"exc_type":"RuntimeError","exc_value":"no rows","is_cause":false,"frames":'
        b'[{"filename":"/dags/sales.py","lineno":13,"name":"load"}]},'
        b'{"exc_type":"KeyError","exc_value":"\'id\'","is_cause":true,"frames":[]}]}\n'
    )
    log = logs.from_events(body)
    assert log.found
    assert log.lines == (
        "::group::Log message source details",
        "[2026-11-22T13:35:10Z] ERROR - Task failed with exception",
        "KeyError: 'id'",
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        "Traceback (most recent call last):",
        '  File "/dags/sales.py", line 13, in load',
        "RuntimeError: no rows",
    )


def test_a_log_document_of_the_json_form_reads_the_same() -> None:
    assert logs.from_events(b'{"content": [{"event": "a"}, {"event": "b"}]}').lines == ("a", "b")


@pytest.mark.parametrize(
    "body",
    [
        b"vm\n*** Log file not found on worker 'vm'. This attempt may have run elsewhere.\n",
        b"vm\n*** Could not read served logs: 404\n",
        b"default_host\nError fetching the logs. Try number 0 is invalid.\n",
        b"",
    ],
)
def test_a_log_that_airflow_could_not_read_is_not_found(body: bytes) -> None:
    assert not logs.from_text(body).found


def test_a_text_log_loses_the_name_of_the_host_and_nothing_else() -> None:
    log = logs.from_text(b"worker-3\n[2026-11-22T13:47:10+0000] ERROR - no\nValueError: no\n\n")
    assert log.found
    assert log.lines == ("[2026-11-22T13:47:10+0000] ERROR - no", "ValueError: no")
