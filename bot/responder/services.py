"""The `Services` object holds everything that the responder's functions need; `app` builds it once.

Functions take it as their first argument and find the clock, policy, store and deployments there. Nothing is built at
import, and nothing is looked up in a global.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from bot.core.access import Access, Person
from bot.core.airflow.protocol import Airflow
from bot.core.incidents.maintenance import Window
from bot.core.incidents.routing import Policy
from bot.core.incidents.runbook import Runbook
from bot.responder.questions import GOAL, Examine, History, OnCall, Tally
from bot.store.database import Store
from bot.store.state import Remembered


def utc_now() -> datetime:
    """The current time in UTC. This is the running bot's clock; tests pass their own."""
    return datetime.now(UTC)


@dataclass
class Services:
    """`airflows` maps a deployment's name to its gateway; `public_url` is the address of the bot's own pages."""

    store: Store
    policy: Policy = field(default_factory=Policy)
    access: Access = field(default_factory=Access)
    runbooks: Sequence[Runbook] = ()
    maintenance: Sequence[Window] = ()
    airflows: Mapping[str, Airflow] = field(default_factory=dict)
    clock: Callable[[], datetime] = utc_now
    public_url: str = ""
    pagers: Mapping[str, str] = field(default_factory=dict)  # those configured: name → what people call it
    histories: Mapping[str, History] = field(default_factory=dict)  # of the deployments with a metastore
    examine: Mapping[str, Examine] = field(default_factory=dict)  # runs the checks of those deployments
    whois: Callable[[Person], Person] | None = None  # asks Slack; None: Slack can't be asked
    on_call: Callable[[], list[OnCall]] | None = None  # None: no source is configured
    channel_deployments: Mapping[str, str] = field(default_factory=dict)  # a channel's name or id → its deployment
    tallies: Mapping[str, Tally] = field(default_factory=dict)  # counts the runs of the deployments with a metastore
    digest_zone: tzinfo = UTC  # a day of the digest begins at midnight there
    digest_again_at: datetime | None = None  # when a digest that failed to post is retried
    new_a_minute: int = 20  # new messages per minute in a channel; beyond it one message counts the rest
    goal: float = GOAL  # percent of a DAG's runs that should succeed
    tags: dict[tuple[str, str], tuple[datetime, tuple[str, ...]]] = field(
        default_factory=dict
    )  # a DAG's tags, and when Airflow was asked for them
    monotonic: Callable[[], float] = time.monotonic  # seconds; ages must not change if the wall clock jumps
    rounds: dict[str, float] = field(default_factory=dict)  # when each loop last started a round, by `monotonic`
    alerts_owed: threading.Event = field(default_factory=threading.Event)
    pages_owed: threading.Event = field(default_factory=threading.Event)
    remediation_owed: threading.Event = field(default_factory=threading.Event)
    news: threading.Event = field(default_factory=threading.Event)  # an incident opened: ask Airflow about it

    def runbook(self, name: str) -> Runbook | None:
        return next((book for book in self.runbooks if book.name == name), None)

    @property
    def pages(self) -> bool:
        """Whether any pager is configured."""
        return bool(self.pagers)

    @property
    def remembered(self) -> Remembered:
        """Small values that survive a restart, by key."""
        return Remembered(self.store)

    def wake(self) -> None:
        """Wakes delivery after a change, instead of waiting for its next round."""
        self.alerts_owed.set()
        self.pages_owed.set()
