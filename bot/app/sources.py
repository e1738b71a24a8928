"""The lookups' dependencies, built from the settings: metastores, checks, PagerDuty's schedules, channels.

They have connections of their own, so that a person's question never waits behind a scheduled job. A channel that names
an unknown deployment is refused at the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from bot.checks.ask import AskedChecks
from bot.checks.check import Check
from bot.checks.metastore.connection import Metastore
from bot.checks.metastore.history import MetastoreHistory, MetastoreTally
from bot.config.settings import Settings
from bot.pagerduty.schedules import Schedules

SECONDS = 10.0  # the longest time that one query may occupy a metastore


class Sources:
    """Built once by `app`; `close` closes every connection."""

    def __init__(self, settings: Settings, checks: Sequence[Check]) -> None:
        self._metastores = {
            name: Metastore(url, seconds=SECONDS, by_index=True)
            for name, one in settings.airflow.items() if (url := one.metastore_url.get_secret_value())
        }  # fmt: skip
        self._settings, self._checks = settings, checks

    def services(self) -> dict[str, Any]:
        """The fields of `Services` that are built from them. Raises ValueError that names a wrong setting."""
        token = self._settings.pagerduty.api_token.get_secret_value()
        return {
            "histories": {name: MetastoreHistory(one) for name, one in self._metastores.items()},
            "examine": {name: AskedChecks(self._checks, one, name) for name, one in self._metastores.items()},
            "tallies": {name: MetastoreTally(one) for name, one in self._metastores.items()},
            "digest_zone": ZoneInfo(self._settings.digest.zone),
            "on_call": Schedules(token, self._settings.pagerduty.api_url).on_call if token else None,
            "channel_deployments": self._channels(),
            "goal": self._settings.report.goal,
        }

    def _channels(self) -> dict[str, str]:
        known = self._settings.airflow
        for channel, name in self._settings.slack.deployments.items():
            if name not in known:
                there = ", ".join(known) or "none"
                raise ValueError(f"slack.deployments.{channel}: there is no deployment {name}; there are: {there}")
        return {channel.lstrip("#"): name for channel, name in self._settings.slack.deployments.items()}

    def close(self) -> None:
        for metastore in self._metastores.values():
            metastore.close()
