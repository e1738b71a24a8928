"""The environment of the demo's bot, and of the plugin in its Airflow, which must match.

The caller's own WINDSOCK_… variables must not reach the demo. The secrets here are public, so every server that uses
them listens only on the loopback interface.
"""

import os
from collections.abc import Mapping
from pathlib import Path

SIGNAL_TOKEN = "demo-signal-token"  # noqa: S105
OPERATORS = '[access]\nresponder = ["*"]\noperator = ["*"]\n'


def clean() -> dict[str, str]:
    """The caller's environment without variables that would affect the child processes."""
    stray = ("WINDSOCK_", "AIRFLOW", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(stray)}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def for_the_plugin(home: Path, urls: Mapping[str, str]) -> dict[str, str]:
    """The plugin's settings inside Airflow."""
    return {
        "WINDSOCK_URL": urls["bot"],
        "WINDSOCK_TOKEN": SIGNAL_TOKEN,
        "WINDSOCK_DEPLOYMENT": "demo",
        "WINDSOCK_SPOOL": str(home / "spool"),
    }


def for_the_bot(home: Path, urls: Mapping[str, str], metastore: str) -> dict[str, str]:
    """All settings of ``bot serve``. Writes its configuration file, in which everyone is an operator."""
    config = home / "windsock.toml"
    config.write_text(OPERATORS)
    own = {
        "CONFIG": str(config),
        "STORE__URL": f"sqlite:///{home / 'windsock.db'}",
        "SERVER__PORT": urls["bot"].rpartition(":")[2],
        "SERVER__PUBLIC_URL": urls["bot"],
        "SERVER__SIGNAL_TOKEN": SIGNAL_TOKEN,
        "SLACK__API_URL": f"{urls['slack']}/api/",
        "SLACK__BOT_TOKEN": "xoxb-sandbox",
        "SLACK__APP_TOKEN": "xapp-sandbox",
        "SLACK__SIGNING_SECRET": "sandbox-signing-secret",
        "SLACK__CHANNEL": "#data-alerts",
        "AIRFLOW__DEMO__URL": urls["airflow"],
        "AIRFLOW__DEMO__USERNAME": "admin",
        "AIRFLOW__DEMO__PASSWORD": "admin",
        "AIRFLOW__DEMO__METASTORE_URL": metastore,
        "PAGERDUTY__EVENTS_URL": f"{urls['pagerduty']}/v2/enqueue",
        "PAGERDUTY__API_URL": urls["pagerduty"],
        "PAGERDUTY__API_TOKEN": "sandbox-api-token",
        "PAGERDUTY__WEBHOOK_SECRET": "sandbox-webhook-secret",
        "PAGERDUTY__ROUTING_KEY": "windsockdemo" + "0" * 20,
        "SWEEP__INTERVAL": "10s",
    }
    return {**clean(), **{f"WINDSOCK_{name}": value for name, value in own.items()}}
