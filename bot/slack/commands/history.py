"""`slow`, `report` and `digest`: how long tasks take compared with before, one DAG's health, a day's summary.

Without a metastore a few runs are read from the API, and the answer says which.
"""

from __future__ import annotations

from datetime import timedelta

from bot.core.airflow.protocol import Airflow
from bot.core.dates import duration, span
from bot.core.errors import Permanent, Refused, Temporary
from bot.responder.alerts.views import open_views
from bot.responder.lookups import daily_digest as days
from bot.responder.lookups.api_history import ApiHistory
from bot.responder.lookups.report_card import card, slower
from bot.responder.questions import History, TaskDuration
from bot.slack.commands.request import PATIENCE, Ask, chosen, each, pointed, prefix, refused
from bot.slack.replies import daily_digest as digest_reply
from bot.slack.replies import history as history_reply
from bot.slack.replies import replies
from bot.slack.text.block_kit import Message

LATELY, BEFORE, LONGEST = timedelta(days=1), timedelta(days=7), timedelta(days=30)
DAYS = timedelta(days=7)


def slow(ask: Ask) -> Message:
    """Tasks of the last day that take clearly longer than in the week before; `slow 2d` covers two days."""
    found = chosen(ask)
    if isinstance(found, Refused):
        return refused(ask, found, "slow")
    lately = next((given for word in ask.words if (given := duration(word))), LATELY)
    lately = min(max(lately, timedelta(hours=1)), BEFORE)
    now, before = ask.services.clock(), max(BEFORE, 2 * lately)

    def question(airflow: Airflow) -> tuple[list[TaskDuration], str]:
        history = _history(ask, airflow)
        return slower(history.slow(now - lately - before, now - lately)), history.source

    told = [
        (airflow.name, one, "") if isinstance(one, str) else (airflow.name, *one)
        for airflow, one in zip(found, each(found, question, 2 * PATIENCE), strict=True)
    ]
    measured = any(airflow.name in ask.services.histories for airflow in found)
    words = (span(lately.total_seconds()), span(before.total_seconds())) if measured else ("", "")
    return history_reply.slow(told, *words)


def report(ask: Ask) -> Message:
    """One DAG's health over the last week, or with `report DAG 30d` over 30 days."""
    found = pointed(ask, "a DAG")
    if isinstance(found, Refused):
        return refused(ask, found, "report")
    asked = next((given for word in ask.words[1:] if (given := duration(word))), DAYS)
    days = min(max(asked, timedelta(hours=1)), LONGEST) / timedelta(days=1)
    try:
        with found.airflow.within(2 * PATIENCE):
            history = _history(ask, found.airflow)
            made = card(history, found.airflow.name, found.dag_id, days, ask.services.clock(), ask.services.goal)
    except (Temporary, Permanent) as error:
        return replies.trouble(error.message)
    return history_reply.report(made, prefix(ask, found.airflow))


def _history(ask: Ask, airflow: Airflow) -> History:
    """The metastore's history; without one the API's, for the DAGs with open alerts."""
    known = ask.services.histories.get(airflow.name)
    if known is not None:
        return known
    views = [view for view in open_views(ask.services) if view.incident.deployment == airflow.name]
    return ApiHistory(airflow, [dag for view in views for dag, _ in view.counts.dags if dag])


def digest(ask: Ask) -> Message:
    zone = ask.services.digest_zone
    day = days.yesterday(ask.services.clock(), zone) + timedelta(days=1 if ask.said("today") else 0)
    return digest_reply.digest(days.digest(ask.services, day, zone))
