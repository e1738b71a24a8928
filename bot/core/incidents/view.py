"""Views: everything that a message may say about one incident, gathered when it is shown.

A view holds facts and no wording; the renderers (Slack, a pager) choose the words. Unknown facts are None or empty,
and are left out of the message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from bot.core.incidents.incident import Counts, Entry, Incident, State, Subject
from bot.core.incidents.runbook import Runbook
from bot.core.remediation import ACTIVE, FAILED, Remediation
from bot.core.signals.signal import Family


class Stage(StrEnum):
    """The stage that a message shows first."""

    firing = "firing"
    again = "again"
    acknowledged = "acknowledged"
    working = "working"
    silenced = "silenced"
    resolved = "resolved"


@dataclass(frozen=True)
class View:
    """One incident as it is at `now`.

    `run_url`, `task_url` and `runbook_url` are links for people (empty when there is none). `several_deployments` says
    whether the deployment's name must be shown. `late` is how many seconds after it was due the first message is shown,
    0 when it is on time. `pager` is the name that people read of the pager that
    counts here, and `page_said` the last event sent to it (trigger, acknowledge, resolve or empty).
    """

    incident: Incident
    counts: Counts
    now: datetime
    timeline: Sequence[Entry] = ()
    sick: Sequence[Subject] = ()
    remediation: Remediation | None = None
    runbook: Runbook | None = None
    run_url: str = ""
    task_url: str = ""
    runbook_url: str = ""
    several_deployments: bool = False
    can_act: bool = False
    late: float = 0.0
    pager: str = ""
    page_said: str = ""
    page_error: str = ""

    @property
    def context(self) -> Mapping[str, Any]:
        """What Airflow reported about it: waiting (number of waiting tasks), recent (states of recent runs, newest
        last), next_run, usual_seconds, last_success; each key may be missing."""
        return self.incident.context

    @cached_property
    def stage(self) -> Stage:
        """The first of these that is true decides."""
        incident, remediation = self.incident, self.remediation
        quiet = incident.silence is not None and self.now < incident.silence.until
        order = (
            (incident.state is State.resolved, Stage.resolved),
            (remediation is not None and remediation.progress in ACTIVE, Stage.working),
            (incident.state is State.acknowledged, Stage.acknowledged),
            (quiet, Stage.silenced),
            (incident.times > 1, Stage.again),
        )
        return next((found for true, found in order if true), Stage.firing)

    @cached_property
    def failed_act(self) -> Remediation | None:
        """The last remediation, if it failed and nothing has been decided since."""
        last, incident = self.remediation, self.incident
        if last is None or incident.state is State.resolved or last.progress not in FAILED:
            return None
        return last if last.asked_at >= (incident.reopened_at or incident.opened_at) else None

    @cached_property
    def is_storm(self) -> bool:
        """More than one thing, one cause. What came back alone is no storm because others failed of it earlier."""
        came_back_alone = self.incident.times > 1 and self.counts.sick == 1
        return self.incident.family is Family.task and self.counts.things > 1 and not came_back_alone


@dataclass(frozen=True, slots=True)
class DeploymentStatus:
    """One deployment as `status` and `health` show it; `trouble` is a sentence when it could not be asked."""

    name: str
    version: str = ""
    trouble: str = ""
    components: Sequence[tuple[str, bool | None, float | None]] = ()  # name, healthy, seconds since its heartbeat
    answer_seconds: float | None = None
    running: int | None = None
    queued: int | None = None
    dags_active: int | None = None
    dags_total: int | None = None
    import_errors: int | None = None
    findings: Sequence[str] = ()
    failures_known: int | None = None  # in the last day, and what reported them first
    failures_by_hook: int = 0
    failures_by_sweep: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """The answer to `status`: the deployments, and the open incidents, worst and newest first."""

    deployments: Sequence[DeploymentStatus]
    open: Sequence[View]
    now: datetime
    silences: Sequence[tuple[int, datetime]] = field(default_factory=tuple)
