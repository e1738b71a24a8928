"""Two buttons of a plan: Stop, and its whole list as a file.

The list may be read by those who may make the change. The file goes into the alert's thread, otherwise into the channel
where the plan was requested.
"""

from __future__ import annotations

from slack_sdk.web import WebClient

from bot.core.errors import Refused
from bot.core.remediation import Plan
from bot.responder.access.authorization import weigh
from bot.responder.alerts.views import thread_of
from bot.responder.remediation import confirm
from bot.slack.api import files
from bot.slack.commands.request import Ask, refused
from bot.slack.replies import preview, replies
from bot.slack.text.block_kit import Message


def stop(ask: Ask, plan_id: str) -> Message:
    """Requests a stop; the alert or the channel shows what was done until then."""
    stopped = confirm.stop(ask.services, ask.person, plan_id)
    if isinstance(stopped, Refused):
        return refused(ask, stopped, "stop")
    if stopped.backfill_id:
        return replies.told("Airflow is asked to cancel the rest of it; what ran is said where it was asked for.")
    return replies.told(
        "It stops after the current batch; what was done and what was not is said where it was asked for."
    )


def whole_list(ask: Ask, client: WebClient, plan_id: str) -> Message:
    """Shares every line of the plan. Raises Temporary or Permanent."""
    plan = confirm.plan_of(ask.services, plan_id)
    if plan is None:
        return replies.trouble("that list is not known here any more.")
    not_theirs = None if plan.person.id == ask.person.id else weigh(ask.services, ask.person, plan)
    if isinstance(not_theirs, Refused):
        return refused(ask, not_theirs, plan.action)
    channel, thread = _place(ask, plan)
    if not channel:
        return replies.trouble("there is no channel to put the list into.")
    title = f"{plan.action} {len(plan.changes)} of {', '.join(plan.dag_ids[:3])}"
    url = files.upload(client, channel, thread, f"{plan.action}-{plan.id}.txt", preview.whole_list(plan), title)
    return replies.told(
        f"The whole list, {len(plan.changes)} lines, is in the {'thread' if thread else 'channel'} now. {url}"
    )


def _place(ask: Ask, plan: Plan) -> tuple[str, str]:
    shown = thread_of(ask.services, plan.incident_id) if plan.incident_id else None
    return shown or (plan.channel or ask.channel, "")
