"""Every setting: type, default, one sentence.

The environment takes precedence over the file: `WINDSOCK_SLACK__CHANNEL` over `[slack] channel` of `windsock.toml` (or
the file that `WINDSOCK_CONFIG` names). A secret may come from a mounted file:
`WINDSOCK_SLACK__BOT_TOKEN_FILE=/run/secrets/bot`. A wrong setting ends the program with exit code 2 and one line that
names the variable.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from bot.config.access import access
from bot.config.formats import Duration, from_json, store_url, time_zone
from bot.core.bearer import split
from bot.core.redaction import redact

PREFIX = "WINDSOCK_"


class WrongSettings(Exception):
    """The message is one line that names the variable and the remedy."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Store(_Part):
    url: Annotated[str, AfterValidator(store_url)] = Field(
        "sqlite:///windsock.db", description="SQLAlchemy URL; postgresql+psycopg://… for several replicas"
    )
    keep: Duration = Field(
        timedelta(days=90), description="how long signals are kept, and what is long over; 0: for ever"
    )


class Server(_Part):
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8090, ge=0, le=65535, description="port to listen on")
    public_url: str = Field("", description="where people reach the bot's pages; derived from host and port")
    signal_token: SecretStr = Field(
        SecretStr(""), description="bearer token that senders of signals present; two with a comma while one is rotated"
    )
    read_token: SecretStr = Field(
        SecretStr(""),
        description="bearer token that readers of incidents present; the senders' reads while it is unset",
    )

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


class Slack(_Part):
    mode: Literal["socket", "http"] = Field("socket", description="how Slack reaches the bot")
    bot_token: SecretStr = Field(SecretStr(""), description="xoxb-…")
    app_token: SecretStr = Field(SecretStr(""), description="xapp-…, for socket mode")
    signing_secret: SecretStr = Field(SecretStr(""), description="for http mode")
    api_url: str = Field("https://slack.com/api/", description="Slack's Web API, ending in /api/")
    channel: str = Field("#data-alerts", description="the channel of the root route")
    command: str = Field("/airflow", pattern=r"^/[a-z0-9_-]{1,31}$", description="the slash command")
    deployments: dict[str, str] = Field(default_factory=dict, description="a channel's name or id: its deployment")
    new_messages_a_minute: int = Field(
        20, ge=1, le=60, description="new alerts in a channel; beyond it one message counts the rest"
    )


class Airflow(_Part):
    url: str = Field(description="the API's bare base, https://airflow.example.com")
    username: str = Field("", description="for a login (3.x) or basic auth (2.x)")
    password: SecretStr = Field(SecretStr(""), description="for the same")
    token: SecretStr = Field(SecretStr(""), description="a static bearer token instead")
    token_command: str = Field("", description="a command that prints a bearer token")
    signal_token: SecretStr = Field(SecretStr(""), description="bearer token that sends for this deployment alone")
    metastore_url: SecretStr = Field(SecretStr(""), description="SQLAlchemy URL of the metastore, read-only")
    ui_url: str = Field("", description="where people open Airflow; the API's base unless set")


class PagerDuty(_Part):
    routing_key: SecretStr = Field(SecretStr(""), description="Events API v2 integration key; empty: no one is paged")
    api_token: SecretStr = Field(SecretStr(""), description="REST API token, for who is on call")
    webhook_secret: SecretStr = Field(SecretStr(""), description="signs PagerDuty's webhooks to us")
    events_url: str = Field("https://events.pagerduty.com/v2/enqueue", description="the whole enqueue address")
    api_url: str = Field("https://api.pagerduty.com", description="the REST API's base")


class Sweep(_Part):
    interval: Duration = Field(timedelta(seconds=60), description="how often the checks run; 0 turns them off")


class Reconcile(_Part):
    interval: Duration = Field(
        timedelta(seconds=15), description="how often Airflow is compared with what was reported"
    )


class Incidents(_Part):
    reopen_within: Duration = Field(
        timedelta(hours=4), description="how long a resolved incident may come back as itself"
    )
    remind_after: Duration = Field(
        timedelta(hours=4), description="how long someone holds an alert before being asked about it; 0: never"
    )


class Canary(_Part):
    interval: Duration = Field(timedelta(minutes=5), description="how often a canary travels the whole road; 0: never")
    dead_man_url: str = Field("", description="called each time a canary came through")


class Digest(_Part):
    at: str = Field(
        "",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$",
        description="when yesterday's digest is posted, such as 09:00; empty: never",
    )
    zone: Annotated[str, AfterValidator(time_zone)] = Field(
        "UTC", description="whose midnight a day begins at, and whose 09:00"
    )
    channel: str = Field("", description="where it is posted; the root route's channel unless set")


class Report(_Part):
    goal: float = Field(99.2, ge=0, le=100, description="percent of a DAG's runs that should succeed, for `report`")


def _shipped_runbooks() -> Path:
    """`runbooks` in the working directory if it exists; otherwise the installed package's own."""
    here, installed = Path("runbooks"), Path(__file__).parents[1] / "runbooks"
    return installed if installed.is_dir() and not here.is_dir() else here


class Runbooks(_Part):
    path: Path = Field(default_factory=_shipped_runbooks, description="the folder of runbooks")


class _EnvironmentAndFiles(EnvSettingsSource):
    """The environment, in which `…_FILE` names a file that holds the value."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        found = dict(super()._load_env_vars())
        prefix = PREFIX.lower()
        for name, path in list(found.items()):
            if name.lower().startswith(prefix) and name.lower().endswith("_file") and path:
                found[name[: -len("_file")]] = _content(name, path)
                del found[name]
        return found


def _content(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise WrongSettings(f"{name.upper()}: {path} cannot be read: {error.strerror}") from None


class Settings(BaseSettings):
    """All settings. Tables that are lists (`routes`) can be set in the file only."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid")

    store: Store = Store()
    server: Server = Server()
    slack: Slack = Slack()
    airflow: dict[str, Airflow] = Field(default_factory=dict)
    pagerduty: PagerDuty = PagerDuty()
    sweep: Sweep = Sweep()
    reconcile: Reconcile = Reconcile()
    runbooks: Runbooks = Runbooks()
    incidents: Incidents = Incidents()
    canary: Canary = Canary()
    report: Report = Report()
    digest: Digest = Digest()
    access: Annotated[dict[str, Any], BeforeValidator(from_json)] = Field(default_factory=dict)
    routes: list[dict[str, Any]] = Field(default_factory=list)
    checks: dict[str, dict[str, Any]] = Field(default_factory=dict)
    custom_checks: list[dict[str, Any]] = Field(default_factory=list)
    maintenance: list[dict[str, Any]] = Field(default_factory=list)

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return _EnvironmentAndFiles(settings_cls), init_settings

    @property
    def public_url(self) -> str:
        """The base address of the bot's pages, for people."""
        return (self.server.public_url or f"http://{self.server.host}:{self.server.port}").rstrip("/")


def load() -> Settings:
    """The effective settings. Raises WrongSettings with one line."""
    try:
        settings = Settings(**_file())
    except ValidationError as error:
        raise WrongSettings(_one_line(error)) from None
    except SettingsError as error:  # a table given in the environment that is not valid JSON
        named = re.search(r'field "(\w+)"', str(error))
        raise WrongSettings(
            f"{PREFIX}{named[1].upper() if named else ''}: is not JSON; use one variable a field"
        ) from None
    try:
        access(settings.access)
    except ValueError as error:
        field, _, said = str(error).partition(":")
        raise WrongSettings(f"{PREFIX}{field.upper().replace('.', '__')}:{said}") from None
    senders = (settings.server.signal_token, *(one.signal_token for one in settings.airflow.values()))
    if not any(split(token.get_secret_value()) for token in senders) and not settings.server.is_loopback:
        raise WrongSettings(
            "WINDSOCK_SERVER__SIGNAL_TOKEN: is not set, and WINDSOCK_SERVER__HOST is not loopback; set a token, or "
            "everyone who reaches the port could send signals"
        )
    return settings


def _file() -> dict[str, Any]:
    named = os.environ.get("WINDSOCK_CONFIG", "")
    path = Path(named or "windsock.toml")
    if not path.exists():
        if named:
            raise WrongSettings(f"WINDSOCK_CONFIG: there is no file {named}")
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSettings(f"{path.name}: cannot be read: {error}") from None


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = "__".join(str(part).upper() for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    said = first["msg"].removeprefix("Value error, ")
    return f"{PREFIX}{where}: {said[:1].lower()}{said[1:]}{more}"


_CAPABILITIES = frozenset({"dead_man_url", "token_command"})  # knowing the value is enough to use it


def masked(settings: Settings) -> dict[str, Any]:
    """The effective values for people to read: secrets as •••, also passwords inside URLs."""
    return {name: _masked(value) for name, value in settings.model_dump(mode="python").items()}


def _masked(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "•••" if value.get_secret_value() else ""
    if isinstance(value, Mapping):
        return {name: "•••" if name in _CAPABILITIES and inner else _masked(inner) for name, inner in value.items()}
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, str):
        hidden = re.sub(r"(://[^/@\s:]{0,200}:)[^\s]{0,500}@", r"\1•••@", value)
        return redact(re.sub(r"(?i)([?&](?:password|token|secret|api_?key)=)[^&\s]+", r"\1•••", hidden))
    return str(value) if isinstance(value, Path) else value
