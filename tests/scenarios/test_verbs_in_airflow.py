"""Every verb that touches Airflow, typed as a person types it, on a real Airflow 3 and 2; the effect is read from Airflow.

The stories stand in `verbs_that_look` and `verbs_that_change`. A verb that is new in the registry needs a story, or a reason here
why it never reaches Airflow.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.sandbox.pagerduty import server
from bot.slack.commands.registry import VERBS, find
from tests.scenarios.house import AIRFLOW_PATIENCE, House, a_house
from tests.scenarios.seen import Answer
from tests.scenarios.verbs_that_change import CHANGES
from tests.scenarios.verbs_that_look import LOOKS, Story
from tests.scenarios.waiting import eventually
from tests.scenarios.world import ENDED, world
from tests.stacks import RunningAirflow

DAGS = ("sales_daily", "orders_hourly", "customers_import", "stock_daily", "refunds_hourly", "newsletter_weekly")
MORE = ("ledger_daily", "invoices_daily", "payments_hourly", "shipments_daily", "backload_orders", "currency_rates")
NEVER_IN_AIRFLOW = {
    **dict.fromkeys(("ack", "unack", "resolve", "reopen"), "the alert is ours"),
    **dict.fromkeys(("silence", "silences", "unsilence"), "who is rung is ours"),
    **dict.fromkeys(("whoami", "break-glass"), "roles are ours"),
    "help": "it is about the verbs",
}
STORIES = LOOKS | CHANGES


@contextmanager
def house_beside(airflow: RunningAirflow, folder: Path) -> Iterator[House]:
    """The bot with a PagerDuty that tells who is on call; every run of before has ended."""
    airflow.rest.wait_for_dags(*MORE)
    airflow.rest.set_paused("backload_orders", True)
    with (
        server.running() as pager,
        a_house(
            airflow, folder, DAGS, PAGERDUTY__API_URL=pager.url, PAGERDUTY__API_TOKEN=pager.config.api_token
        ) as house,
    ):
        started = {f"{dag}@{run}" for dag, run in house.runs.items()}
        eventually(
            lambda: {world(house).runs[name] for name in started} <= ENDED, lambda: world(house), AIRFLOW_PATIENCE
        )
        yield house


@pytest.fixture(scope="module")
def house_3(airflow_3: RunningAirflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_beside(airflow_3, tmp_path_factory.mktemp("verbs3")) as house:
        yield house


@pytest.fixture(scope="module")
def house_2(airflow_2: RunningAirflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_beside(airflow_2, tmp_path_factory.mktemp("verbs2")) as house:
        yield house


def played(story: Story, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A story, which must have typed every verb that it says it is about."""
    typed: set[str] = set()
    say = house.room.say

    def noted(text: str, user: str = "ana") -> Answer:
        verb = find(text.split()[1])
        typed.add(verb.name if verb else "")
        return say(text, user)

    monkeypatch.setattr(house.room, "say", noted)
    story(house)
    assert set(STORIES[story]) <= typed


def test_every_verb_has_a_story_or_never_reaches_airflow() -> None:
    covered = {verb for verbs in STORIES.values() for verb in verbs}
    assert covered | NEVER_IN_AIRFLOW.keys() == {verb.name for verb in VERBS}
    assert not covered & NEVER_IN_AIRFLOW.keys()


@pytest.mark.parametrize("story", STORIES)
def test_beside_airflow_3(story: Story, house_3: House, monkeypatch: pytest.MonkeyPatch) -> None:
    played(story, house_3, monkeypatch)


@pytest.mark.parametrize("story", STORIES)
def test_beside_airflow_2(story: Story, house_2: House, monkeypatch: pytest.MonkeyPatch) -> None:
    played(story, house_2, monkeypatch)
