"""The configuration of a local workspace: tokens, the bot's address, strictness.

It is strict by default. `Limits(pace=False)` lifts the rate limits, so that a test that sends thirty alerts needn't
wait thirty seconds; the limits of size can't be lifted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SCOPES = frozenset(
    {
        "app_mentions:read",
        "bookmarks:write",
        "channels:history",
        "channels:join",
        "channels:read",
        "chat:write",
        "commands",
        "files:write",
        "im:history",
        "im:write",
        "pins:write",
        "reactions:write",
        "team:read",
        "usergroups:read",
        "users:read",
        "users:read.email",
    }
)


@dataclass(frozen=True)
class Limits:
    """Slack's limits of rate and time; times in seconds. The limits of size are in `limits.py`."""

    pace: bool = True
    post_burst: int = 5
    posts_per_second: float = 1.0
    updates_per_minute: int = 50
    ack: float = 3.0
    trigger_life: float = 3.0
    answer_uses: int = 5
    answer_life: float = 1800.0
    sockets: int = 10


@dataclass(frozen=True)
class Config:
    """`http_url` is the bot's /slack/events; without it payloads go out over Socket Mode."""

    host: str = "127.0.0.1"
    port: int = 0
    bot_token: str = "xoxb-sandbox"  # noqa: S105 - the sandbox's own, known to everybody
    app_token: str = "xapp-sandbox"  # noqa: S105
    signing_secret: str = "sandbox-signing-secret"  # noqa: S105
    http_url: str | None = None
    command: str = "/airflow"
    scopes: frozenset[str] = SCOPES
    limits: Limits = field(default_factory=Limits)
