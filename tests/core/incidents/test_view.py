"""Where an incident stands: its stage, whether it is a storm, and the act that failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core.incidents.incident import Counts, State
from bot.core.incidents.routing import Silence
from bot.core.incidents.view import Stage
from bot.core.remediation import FAILED, Progress
from bot.core.signals.signal import Family
from tests.slack.samples import FAILED_AT, held, incident, minutes, remediation, view

QUIET = Silence(1, "dag:x", "prod", FAILED_AT + timedelta(hours=1), "Ana", "known")
WORKING = remediation(Progress.doing)


@pytest.mark.parametrize(
    ("about", "more", "stage"),
    [
        (incident(), {}, Stage.firing),
        (incident(times=2), {}, Stage.again),
        (incident(times=2, silence=QUIET), {}, Stage.silenced),
        (incident(silence=replace(QUIET, until=FAILED_AT)), {}, Stage.firing),
        (held(silence=QUIET), {}, Stage.acknowledged),
        (held(), {"remediation": WORKING}, Stage.working),
        (held(), {"remediation": remediation(Progress.failed)}, Stage.acknowledged),
        (incident(state=State.resolved, resolved_at=minutes(1)), {"remediation": WORKING}, Stage.resolved),
    ],
)
def test_the_first_that_is_true_is_its_stage(about: Any, more: dict[str, Any], stage: Stage) -> None:
    assert view(about, **more).stage is stage


@pytest.mark.parametrize("progress", list(Progress))
def test_an_act_that_failed_is_shown_until_something_is_decided(progress: Progress) -> None:
    done = remediation(progress)
    failed = done if progress in FAILED else None
    assert view(held(), remediation=done).failed_act is failed
    assert view(incident(state=State.resolved, resolved_at=minutes(9)), remediation=done).failed_act is None
    assert view(incident(times=2, reopened_at=minutes(30)), remediation=done).failed_act is None
    assert view(held()).failed_act is None


@pytest.mark.parametrize(
    ("family", "times", "things", "sick", "storm"),
    [(Family.task, 1, 1, 1, False), (Family.task, 1, 2, 2, True), (Family.task, 2, 9, 1, False), (Family.task, 2, 9, 2, True),
     (Family.check, 1, 9, 9, False)],
)  # fmt: skip
def test_a_storm_is_several_things_of_one_cause(
    family: Family, times: int, things: int, sick: int, storm: bool
) -> None:
    about = replace(incident(times=times), family=family)
    assert view(about, counts=Counts(things, things, sick)).is_storm is storm
