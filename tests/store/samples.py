"""An incident and a plan as they are stored, for the store's tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.core.airflow.protocol import Scope, TaskRef
from bot.core.incidents.alert import Kind, Place
from bot.core.incidents.incident import Incident
from bot.core.incidents.lifecycle import begin
from bot.core.remediation import Change, Plan, Surprise
from bot.core.signals.signal import Signal
from bot.store import alerts, incidents, remediations
from bot.store.database import Store
from tests.given import ANA, NOW, RUN, failure, placed

SLACK = Place(Kind.slack, "#data-alerts")

SOON = NOW + timedelta(seconds=60)

FAR = NOW + timedelta(seconds=110)

FAR_BACK = NOW - timedelta(hours=4)


def an_incident(store: Store, signal: Signal | None = None, **changed: Any) -> Incident:
    """A stored incident with one subject and one alert that is due."""
    signal = signal or failure()
    made = replace(begin(signal, *placed(signal), runbook="", silence=None, now=NOW).incident, **changed)
    with store.write() as t:
        made = incidents.add(t, made)
        incidents.add_subjects(t, [(made.id, signal)])
        alerts.ensure(t, made.id, SLACK, NOW)
    return made


def a_plan(store: Store, plan_id: str = "p1", incident_id: int | None = None) -> Plan:
    ref = TaskRef("sales", RUN, "load", 3)
    changes = (Change("load[3]", "failed", "runs again", RUN, ref, Surprise.none), Change("sales", "on", "paused"))
    plan = Plan(plan_id, "clear", "prod", changes, ANA, NOW, incident_id, (Scope("sales", RUN, (("load", 3), ("x", None))),),
                {"note": "a"}, "C1", ("careful",))  # fmt: skip
    with store.write() as t:
        remediations.add_plan(t, plan)
    return plan
