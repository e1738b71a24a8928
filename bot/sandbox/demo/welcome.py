"""The demo's welcome text: where everything is, and what to try first."""

from collections.abc import Mapping

_PLACES = {
    "slack": ("Slack", "the alerts, in #data-alerts; press the buttons, type /airflow help"),
    "airflow": ("Airflow", "user admin, password admin"),
    "pagerduty": ("PagerDuty", "who was paged"),
    "bot": ("Windsock", "runbooks at /runbooks, metrics at /metrics"),
}

TO_TRY = """
  Try in Slack
    · sales_daily    press Retry, look at the preview, confirm: the task runs again and the message turns green
    · risk_report    is tagged critical: it pages. Acknowledge it, and see PagerDuty follow
    · the warehouse  six DAGs, one cause: one message. Retry takes all of them
    · /airflow status · /airflow health · /airflow trigger clickstream_events (200 failures, still one message)

  Ctrl-C ends all of it.
"""


def addresses(urls: Mapping[str, str]) -> str:
    """A small table: name, address, purpose."""
    wide = max(map(len, urls.values()))
    lines = [f"  {name:<10} {urls[key]:<{wide}}  {what}" for key, (name, what) in _PLACES.items()]
    return "\n" + "\n".join(lines)
