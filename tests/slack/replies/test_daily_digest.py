"""The digest as a message: the day in the headline, three things worth a look, and nothing that is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.core.incidents.incident import Incident
from bot.core.incidents.routing import Silence
from bot.responder.lookups.daily_digest import Digest, Duration, Highlight, midnight
from bot.responder.questions import RunTally
from bot.slack.replies.daily_digest import digest, headline, plot
from bot.store.signals.coverage import Coverage, Spread
from tests.slack import samples
from tests.slack.reading import checked, head, kinds, last, line
from tests.slack.samples import failure

DAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HOURS = [1] * 5 + [312, 46] + [0] * 17


def incident(**signal: Any) -> Incident:
    return samples.incident(exemplar=failure(**signal))


def a_digest(**changed: Any) -> Digest:
    spread = Spread(1.4, 2.0, 3.0)
    whole = Digest(
        DAY, UTC, midnight(DAY, UTC), midnight(DAY + timedelta(days=1), UTC), NOW, runs=RunTally(1204, 1188), opened=7,
        opened_before=5, resolved=6, still_open=1, to_acknowledge=Duration(5, 240, 300), to_resolve=Duration(6, 1860, 1860),
        by_hour=HOURS, dags=[("sales_daily", 300), ("orders_hourly", 63)],
        coverage=Coverage(363, {"hook": 361, "sweep": 2}, {"hook": spread, "sweep": replace(spread, median=14.0)}),
        silences=[Silence(3, "dag:x", "prod", NOW + timedelta(hours=3), "Ana", "why")],
        worth=[Highlight("open", seconds=11_000, incident=incident()), Highlight("failed", 312, incident=incident()),
               Highlight("untold", 1)],
    )  # fmt: skip
    return replace(whole, **changed)


def test_the_whole_day() -> None:
    message = checked(digest(a_digest()))
    assert kinds(message) == ["header", "section", "rich_text", "section", "context"]
    assert head(message) == "Saturday 21 November: 1,204 runs, 98.7 % succeeded"
    assert line(message, "section").split("\n") == [
        "*7 alerts* (5 the Saturday before) · acknowledged in *4 min*, well in *31 min* (medians) · 6 resolved · 1 open now",
        "On average 5 min to acknowledge",
        "Airflow knows 363 failures, 363 were reported: 361 by hooks (in 1 s) and 2 by the sweep (in 14 s)",
        "Most failures: `sales_daily` 300 and `orders_hourly` 63",
    ]
    worth = message["blocks"][3]["text"]["text"].split("\n")
    assert worth[0] == "*Worth a look today*"
    assert worth[1].startswith("• `sales_daily.load` is open for 3 h and nobody has it (A-12): ")
    assert worth[2].startswith("• `sales_daily.load` failed 312 times (A-12): ")
    assert worth[3].startswith("• 1 failure that Airflow knows was never reported")
    assert last(message).startswith("Ends today: silence S-3 at <!date^")
    assert message["text"].startswith("Saturday 21 November: 1,204 runs, 98.7 % succeeded. 7 alerts")


def test_the_plot_says_its_message_in_words() -> None:
    assert plot(a_digest()).split("\n") == [
        "Failed task instances by hour (UTC)",
        "▁ ▁ ▁ ▁ ▁ █ ▂ · · · · · · · · · · · · · · · · ·",
        "00    03    06    09    12    15    18    21",
        "312 at 05:00, at most 46 in any other hour",
    ]
    alone = a_digest(
        by_hour=[0, 3] + [0] * 22, zone=ZoneInfo("Europe/Berlin"), since=midnight(DAY, ZoneInfo("Europe/Berlin"))
    )
    assert plot(alone).endswith("3 at 01:00, none in any other hour")


def test_a_quiet_day_has_no_plot_and_nothing_worth_a_look() -> None:
    quiet = a_digest(
        runs=RunTally(24, 24), opened=0, opened_before=0, resolved=0, still_open=0, to_acknowledge=None, to_resolve=None,
        by_hour=[0] * 24, dags=[], coverage=Coverage(), silences=[], worth=[],
    )  # fmt: skip
    message = checked(digest(quiet))
    assert head(message) == "Saturday 21 November: 24 runs, all succeeded"
    assert kinds(message) == ["header", "section", "context"]
    assert line(message, "section") == "*0 alerts* (0 the Saturday before)"


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (None, "Saturday 21 November: 7 alerts"),
        (RunTally(0, 0), "Saturday 21 November: no run ended"),
        (RunTally(100_000, 99_999), "Saturday 21 November: 100,000 runs, 99.9 % succeeded"),
        (RunTally(1, 0), "Saturday 21 November: 1 run, 0.0 % succeeded"),
    ],
)
def test_the_headline(runs: RunTally | None, said: str) -> None:
    assert headline(a_digest(runs=runs)) == said


def test_a_day_that_is_not_over_says_so() -> None:
    assert headline(a_digest(now=midnight(DAY, UTC) + timedelta(hours=3))).startswith("Saturday 21 November so far: ")


@pytest.mark.parametrize("name", ["<!channel>", "*`_~", ":wave:", "a" * 250, "<https://evil.example|x>", "@here"])
def test_names_of_others_are_never_alive(name: str) -> None:
    worth = [
        Highlight("failed", 3, incident=incident(dag_id=name)),
        Highlight("open", seconds=9_000, incident=incident(task_id=name)),
    ]
    silences = [Silence(number, name, "prod", NOW, name, name) for number in range(1, 30)]
    checked(digest(a_digest(dags=[(name, 3), (name + "x", 2)], worth=worth, silences=silences)))
