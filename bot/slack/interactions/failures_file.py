"""Every subject of an alert as a file in its thread, oldest first, if the list is too long for a message.

Names that a spreadsheet would read as a formula (`=…`, `+…`, `@…`) are quoted.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from slack_sdk.web import WebClient

from bot.core.errors import Temporary
from bot.core.incidents.incident import Subject
from bot.core.incidents.view import View
from bot.responder.alerts.views import subjects_of, thread_of
from bot.slack.api import files
from bot.slack.commands.request import Ask
from bot.slack.replies import replies
from bot.slack.text.block_kit import Message
from bot.slack.text.words import count

COLUMNS = ("state", "deployment", "dag_id", "run_id", "task_id", "map_index", "try_number", "name", "host", "told_by",
           "failed_at", "well_at")  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_file(ask: Ask, client: WebClient, seen: View) -> Message:
    """Shares the list in the alert's thread and says where. Raises Temporary or Permanent when it certainly is not there."""
    subjects = subjects_of(ask.services, seen.incident.id)
    shown, name = thread_of(ask.services, seen.incident.id, ask.channel), seen.incident.name
    if shown is None:
        return replies.trouble(f"{name} is shown nowhere yet, so its list has no thread to go to.")
    try:
        url = files.upload(client, *shown, f"{name}-failures.csv", table(subjects),
                           f"{name}: {count(len(subjects), 'failure')}")  # fmt: skip
    except Temporary as error:
        if error.acted is False:
            raise
        return replies.told(
            f"Slack's answer was lost: look whether the list is in the thread of {name} before asking again."
        )
    return replies.told(f"All {len(subjects)} failures are in the thread of {name} now. {url}".strip())


def table(subjects: Sequence[Subject]) -> str:
    """The subjects as CSV, with a header."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows(_row(subject) for subject in subjects)
    return text.getvalue()


def _row(one: Subject) -> Iterable[str]:
    index = str(one.map_index) if one.map_index >= 0 else ""
    well = f"{one.well_at:%Y-%m-%dT%H:%M:%SZ}" if one.well_at else ""
    failed, tried = f"{one.failed_at:%Y-%m-%dT%H:%M:%SZ}", str(one.try_number or "")
    cells = ("well" if one.well_at else "failed", one.deployment, one.dag_id, one.run_id, one.task_id, index, tried,
             one.name, one.hostname, one.source, failed, well)  # fmt: skip
    return [_harmless(cell) for cell in cells]


def _harmless(cell: str) -> str:
    line = " ".join(cell.split()) if "\n" in cell or "\r" in cell else cell
    return f"'{line}" if line.startswith(_FORMULA) else line
