"""The message that counts the new alerts that still wait for their own message."""

from __future__ import annotations

from bot.core.incidents.routing import Severity
from bot.responder.alerts.overflow import Rest
from bot.slack.alert.poster import Poster
from bot.slack.text.block_kit import Message, context, message, section
from bot.slack.text.words import bare, code, count, joined, listed

_NAMES = {Severity.critical: ("critical", "critical"), Severity.error: ("error", ""), Severity.warning: ("warning", "")}


def show(poster: Poster, rest: Rest, *, begun: bool) -> tuple[str, str]:
    """Posts the count, or edits it. If `begun`, it may have been posted already."""
    return poster.notice(rest.key, waiting(rest), rest.channel, rest.ref, begun=begun)


def waiting(rest: Rest) -> Message:
    """`and 63 more new alerts: 1 critical and 62 errors`; once there are none left, that each has its own message."""
    total = sum(rest.by_severity.values())
    if not total:
        said = "✓ Each of the new alerts that were counted here has its own message now"
        return message(said, context(said))
    kinds = listed(count(rest.by_severity[one], *names) for one, names in _NAMES.items() if rest.by_severity[one])
    said = f"⏳ *and {count(total, 'more new alert')}*: {kinds}"
    why = f"at most {count(rest.a_minute, 'new message')} a minute, the worst first"
    return message(bare(said), section(said), context(joined(why, f"next: {code('/airflow open')}")))
