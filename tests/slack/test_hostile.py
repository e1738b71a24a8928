"""Text of others breaks no message, comes alive nowhere, tells no secret; a headline is cut where it may be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.access import Person
from bot.core.incidents.incident import Counts, Entry, State
from bot.core.incidents.routing import Severity, Silence
from bot.core.incidents.view import View
from bot.core.remediation import Change, Progress
from bot.core.signals.signal import KINDS, Family, Fault, Signal
from bot.slack.alert import message as blocks
from bot.slack.alert import thread
from bot.slack.alert.headline import compose, headline
from bot.slack.text.limits import fit
from tests.slack import strict
from tests.slack.reading import line, shown
from tests.slack.samples import (
    ANA,
    DAGS,
    FAILED_AT,
    OURS,
    RUN_URL,
    failure,
    incident,
    minutes,
    plan,
    remediation,
    view,
)  # fmt: skip

HEADS = [
    ("🔴", "", "sales_daily.load", " failed", "c" * 80),
    ("👀", "Ana has it", "sales_daily.load", "", "warehouse refused the connection, and more than that is known"),
    ("🔴", "", "d" * 250 + ".load", " failed", "warehouse refused the connection"),
    ("🔕", "Quiet", "a" * 65, "", "cause"),
    ("🔴", "", "ünï.cødé", " failed", "é" * 100),
    ("🔴", "", "売上_日次.読み込み", " failed", "接続が拒否されました" * 10),
    ("🔴", "", "a", " failed", "👩\u200d👩\u200d👧\u200d👦" * 30),
]


@pytest.mark.parametrize(("emoji", "state", "name", "happened", "why"), HEADS)
def test_a_headline_is_cut_in_its_cause_and_never_in_its_name_unless_the_name_alone_is_too_long(
    emoji: str, state: str, name: str, happened: str, why: str
) -> None:
    made = compose(emoji, state, name, happened, why)
    assert len(made) <= 72
    assert made.startswith(f"{emoji} {state} · " if state else f"{emoji} ")
    if len(name) < 60:
        assert name + happened in made
        assert made.endswith("…")
        assert len(made) >= 60
    assert not made.endswith(("\u200d…", " …", ":…"))


def test_a_headline_drops_a_cause_that_would_say_nothing() -> None:
    assert compose("🔴", "", "a" * 60, " failed", "refused by the host") == f"🔴 {'a' * 60} failed"


def test_a_secret_in_an_exception_is_seen_nowhere() -> None:
    told = failure(exception={"type": "Error", "message": "at postgresql://etl:hunter2" + "x" * 80 + "@db/x token=hunter3",
                              "traceback": 'File "/dags/a.py", line 1, in f\nError: password=hunter4'})  # fmt: skip
    seen = view(incident(told), runbook=None)
    opened = Entry(FAILED_AT, "opened", "Error: password=hunter5", id=1)
    everything = repr(
        [
            blocks.alert(seen),
            *thread.thread([opened], seen),
            blocks.alert(replace(seen, counts=Counts(9, 9, 9, 9, DAGS))),
        ]
    )
    assert "hunter" not in everything
    assert "•••" in everything


def test_evidence_is_three_lines_however_long_the_traceback() -> None:
    frames = "".join(f'  File "/usr/lib/python3.11/x{n}.py", line {n}, in f\n' for n in range(400))
    told = failure(exception={"type": "E", "message": "word " * 900, "traceback": frames})
    lines = line(shown(view(incident(told))), "rich_text").split("\n")
    assert len(lines) == 3
    assert all(len(each) <= 72 for each in lines)


def test_a_secret_is_masked_before_a_cause_is_cut() -> None:
    for before in range(20, 60):  # half a key is no key to the masks any more
        told = failure(exception={"type": "Error", "message": "x" * before + " AKIAHUNTERHUNTER1234 refused"})
        assert "AKIAH" not in repr(blocks.alert(view(incident(told), runbook=None)))


HOSTILE = st.one_of(
    st.sampled_from([
        "<!channel>", "<!here|x>", "<@U0EVIL>", "<https://evil.example|click>", "https://evil.example", "`", "```", "*", "_x_",
        "&amp;", "&lt;!channel&gt;", ":fire:", "\x00\x1b[31m", "\u202egnp.exe", "שלום עולם", "", " ", "\n\n", "@here", "#general",
        "<!date^1^{time}|x>", "x" * 4_000, "<" * 300, "&" * 300, "👩\u200d👩\u200d👧" * 40, "a|b>c<d", "\ud800", "{}[]()%s",
    ]),
    st.text(max_size=60),
)  # fmt: skip
SICK = [kind for kind, (_, mood) in KINDS.items() if mood == "sick"]


@st.composite
def hostile_views(draw: Any) -> View:
    word = lambda: draw(HOSTILE)  # noqa: E731
    kind = draw(st.sampled_from(SICK))
    family = KINDS[kind][0]
    extra = {
        "facts": draw(st.one_of(st.none(), st.text(max_size=9), st.lists(HOSTILE, max_size=4))),
        "dags": [word()],
        "duration": 3,
    }
    task = family is Family.task
    told = Signal(kind, word(), FAILED_AT, dag_id=word(), run_id=word(), task_id=word() if task else "",
                  try_number=draw(st.integers(0, 4)), max_tries=draw(st.one_of(st.none(), st.integers(0, 3))), file=word(),
                  check=word(),
                  name=word(), owner=word(),
                  hostname=word(), sentence=word(), source=draw(st.sampled_from(["sweep", ""])),
                  exception=Fault(word(), word(), word()), extra=extra)  # fmt: skip
    person = Person(word(), word())
    silence = draw(st.one_of(st.none(), st.just(Silence(4, word(), "prod", minutes(60), word(), word()))))
    state = draw(st.sampled_from(list(State)))
    about = incident(told, state=state, severity=draw(st.sampled_from(list(Severity))), holder=person,
                     held_at=minutes(1), times=draw(st.integers(1, 4)), reopened_at=minutes(1),
                     silence=silence, last_holder=word(),
                     resolved_at=minutes(9), resolved_by=word(), resolution=word(),
                     context={"waiting": word(), "recent": [word()], "next_run": word()})  # fmt: skip
    act = plan(tuple(Change(word(), word(), word(), word()) for _ in range(draw(st.integers(1, 3)))),
               draw(st.sampled_from(["clear", "mark", "pause", "unpause", "trigger"])), person=person,
               options={"reason": word(), "state": word()})  # fmt: skip
    done = draw(
        st.one_of(st.none(), st.just(remediation(draw(st.sampled_from(list(Progress))), plan=act, answer=word())))
    )
    counts = Counts(*[draw(st.integers(1, 10_000))] * 4, ((word(), 5), (word(), 3)), FAILED_AT, minutes(1))
    entries = [Entry(minutes(1), draw(st.sampled_from(["opened", "note", "escalated", "resolved"])), word(), word())]
    url = draw(st.sampled_from([RUN_URL, "", "https://airflow.example.com/<!here>|x"]))
    late = draw(st.sampled_from([0.0, 42.0]))
    return view(about, remediation=done, counts=counts, timeline=entries, page_error=word(), late=late,
                several_deployments=True, run_url=url)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(hostile_views())
def test_no_text_of_others_breaks_a_message_or_comes_alive(seen: View) -> None:
    said = [blocks.alert(seen), *thread.thread(seen.timeline, seen), thread.broadcast(seen)]
    said += [thread.announcement(seen.remediation)] if seen.remediation else []
    for message in said:
        if message is not None:
            fitted = fit(message)
            assert strict.faults(fitted) == []
            assert strict.alive(fitted, OURS) == []
    alert = blocks.alert(seen)
    assert len(alert["text"]) <= 150
    assert alert["text"].endswith("A-12")
    assert len(headline(seen)) <= 72
    assert len(alert["attachments"]) == 1


def test_megabytes_of_text_are_one_message_in_a_moment() -> None:
    big = "<!channel> password=hunter2 " * 40_000
    told = replace(failure(), exception=Fault("E", big, big), owner=big, sentence=big)
    for message in (
        blocks.alert(view(incident(told), runbook=None)),
        *thread.thread([Entry(FAILED_AT, "opened", big)], view(incident(told))),
    ):
        fitted = fit(message)
        assert strict.faults(fitted) == []
        assert strict.alive(fitted, OURS) == []
        assert "hunter" not in repr(fitted)


def test_the_first_message_is_an_example_of_nobody_but_the_owner_being_called() -> None:
    called = [
        token for text in strict.mrkdwn(shown(view())) for token in strict.TOKEN.findall(text) if token[0] in "@!"
    ]
    assert {token for token in called if not token.startswith("!date")} == {"!subteam^S0DATAENG"}
    assert ANA.id not in repr(shown(view()))
