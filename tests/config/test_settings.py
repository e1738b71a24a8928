"""Settings: environment beats file, secrets may come from files, and what is wrong is one line with the variable's name."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from bot.config.access import access
from bot.config.settings import Settings, WrongSettings, load, masked
from bot.core.roles import Role


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder and no variable of ours."""
    import os

    for name in [name for name in os.environ if name.upper().startswith("WINDSOCK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


def wrong() -> str:
    with pytest.raises(WrongSettings) as refused:
        load()
    said = str(refused.value)
    assert "\n" not in said
    return said


def test_with_nothing_set_everything_has_the_default_of_the_contract() -> None:
    settings = load()
    assert settings.store.url == "sqlite:///windsock.db"
    assert (settings.server.host, settings.server.port, settings.public_url) == (
        "127.0.0.1",
        8090,
        "http://127.0.0.1:8090",
    )
    assert (settings.slack.mode, settings.slack.channel, settings.slack.command) == (
        "socket",
        "#data-alerts",
        "/airflow",
    )
    assert settings.slack.api_url == "https://slack.com/api/"
    assert settings.pagerduty.events_url == "https://events.pagerduty.com/v2/enqueue"
    assert (settings.sweep.interval, settings.reconcile.interval) == (timedelta(seconds=60), timedelta(seconds=15))
    assert settings.runbooks.path == Path("runbooks")
    assert settings.airflow == {}


def test_the_environment_beats_the_file_field_by_field(environment: pytest.MonkeyPatch) -> None:
    Path("windsock.toml").write_text('[slack]\nchannel = "#file"\nmode = "http"\n[sweep]\ninterval = 5\n')
    environment.setenv("WINDSOCK_SLACK__CHANNEL", "#environment")
    settings = load()
    assert (settings.slack.channel, settings.slack.mode) == ("#environment", "http")
    assert settings.sweep.interval == timedelta(seconds=5)


def test_the_file_may_be_elsewhere(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Path("windsock.toml").write_text('[slack]\nchannel = "#here"\n')
    (tmp_path / "there.toml").write_text('[slack]\nchannel = "#there"\n')
    environment.setenv("WINDSOCK_CONFIG", str(tmp_path / "there.toml"))
    assert load().slack.channel == "#there"


def test_deployments_have_names_in_the_environment_and_in_the_file(environment: pytest.MonkeyPatch) -> None:
    Path("windsock.toml").write_text(
        '[airflow.prod]\nurl = "http://file"\nusername = "bot"\n[airflow.test]\nurl = "http://t"\n'
    )
    environment.setenv("WINDSOCK_AIRFLOW__PROD__URL", "http://environment")
    environment.setenv("WINDSOCK_AIRFLOW__EU_WEST__URL", "http://eu")
    settings = load()
    assert {name: one.url for name, one in settings.airflow.items()} == {
        "prod": "http://environment", "test": "http://t", "eu_west": "http://eu"}  # fmt: skip
    assert settings.airflow["prod"].username == "bot"


def test_a_secret_may_come_from_a_mounted_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("xoxb-from-a-file\n")
    environment.setenv("WINDSOCK_SLACK__BOT_TOKEN_FILE", str(tmp_path / "secret"))
    environment.setenv("WINDSOCK_AIRFLOW__PROD__URL", "http://a")
    environment.setenv("WINDSOCK_AIRFLOW__PROD__PASSWORD_FILE", str(tmp_path / "secret"))
    settings = load()
    assert settings.slack.bot_token.get_secret_value() == "xoxb-from-a-file"
    assert settings.airflow["prod"].password.get_secret_value() == "xoxb-from-a-file"


def test_a_mounted_file_that_is_missing_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WINDSOCK_SLACK__BOT_TOKEN_FILE", "/no/such/file")
    assert wrong() == "WINDSOCK_SLACK__BOT_TOKEN_FILE: /no/such/file cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("text", "seconds"), [("15s", 15), ("5m", 300), ("2h", 7200), ("7d", 604_800), ("250ms", 0.25), ("1.5m", 90), ("30", 30),
                           ("0", 0)]
)  # fmt: skip
def test_a_duration_is_written_as_people_write_it(environment: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    environment.setenv("WINDSOCK_SWEEP__INTERVAL", text)
    assert load().sweep.interval == timedelta(seconds=seconds)


WRONG: list[tuple[str, str, str]] = [
    ("WINDSOCK_SWEEP__INTERVAL", "soon", "WINDSOCK_SWEEP__INTERVAL: is not a duration such as 15s, 5m, 2h or 7d"),
    ("WINDSOCK_SWEEP__INTERVAL", "-5s", "WINDSOCK_SWEEP__INTERVAL: is not a duration"),
    ("WINDSOCK_SWEEP__INTERVAL", "9" * 30 + "d", "WINDSOCK_SWEEP__INTERVAL: is not a duration"),
    ("WINDSOCK_SLACK__MODE", "pigeon", "WINDSOCK_SLACK__MODE: "),
    ("WINDSOCK_SLACK__CHANEL", "#x", "WINDSOCK_SLACK__CHANEL: "),
    ("WINDSOCK_SLACK__COMMAND", "airflow", "WINDSOCK_SLACK__COMMAND: "),
    ("WINDSOCK_SERVER__PORT", "eighty", "WINDSOCK_SERVER__PORT: "),
    ("WINDSOCK_SERVER__PORT", "70000", "WINDSOCK_SERVER__PORT: "),
    ("WINDSOCK_AIRFLOW__PROD__USERNAME", "ana", "WINDSOCK_AIRFLOW__PROD__URL: field required"),
    ("WINDSOCK_STORE__URL", "windsock.db", "WINDSOCK_STORE__URL: isn't a URL"),
    ("WINDSOCK_STORE__URL", "mysql://ana:hush@db/x", "WINDSOCK_STORE__URL: mysql is not supported"),
    ("WINDSOCK_STORE__URL", "postgresql://ana:hush@db:port/x", "WINDSOCK_STORE__URL: isn't a URL"),
    ("WINDSOCK_SLACK", "#x", "WINDSOCK_SLACK: "),
    ("WINDSOCK_ROUTES", "[[", "WINDSOCK_ROUTES: "),
    ("WINDSOCK_CONFIG", "/no/such/file.toml", "WINDSOCK_CONFIG: there is no file /no/such/file.toml"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_wrong_setting_is_one_line_that_names_the_variable(
    environment: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    environment.setenv(name, value)
    line = wrong()
    assert line.startswith(said)
    assert "hush" not in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[slak]\nchannel = 1\n", "WINDSOCK_SLAK: "),
        ("[slack]\nchannel = 1\n", "WINDSOCK_SLACK__CHANNEL: "),
        ("[slack]\nbot_tokn = 'x'\n", "WINDSOCK_SLACK__BOT_TOKN: "),
        ("[access]\nresponder = 'U1'\n", "WINDSOCK_ACCESS__RESPONDER: "),
        ("[sweep]\ninterval = inf\n", "WINDSOCK_SWEEP__INTERVAL: is not a duration"),
        ("[sweep]\ninterval = nan\n", "WINDSOCK_SWEEP__INTERVAL: is not a duration"),
        ("[sweep]\ninterval = -5\n", "WINDSOCK_SWEEP__INTERVAL: is not a duration"),
        ("[slack\n", "windsock.toml: cannot be read: "),
        ("routes = 5\n", "WINDSOCK_ROUTES: "),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_field(text: str, said: str) -> None:
    Path("windsock.toml").write_text(text)
    assert wrong().startswith(said)


def test_several_faults_are_counted(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WINDSOCK_SERVER__PORT", "x")
    environment.setenv("WINDSOCK_SLACK__MODE", "x")
    assert wrong().endswith("(and 1 more)")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "windsock.example.com", ""])
def test_serving_everybody_without_a_token_is_refused(environment: pytest.MonkeyPatch, host: str) -> None:
    environment.setenv("WINDSOCK_SERVER__HOST", host)
    assert wrong().startswith("WINDSOCK_SERVER__SIGNAL_TOKEN: is not set")
    environment.setenv("WINDSOCK_SERVER__SIGNAL_TOKEN", "hush")
    assert load().server.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.53"])
def test_on_loopback_no_token_is_needed(environment: pytest.MonkeyPatch, host: str) -> None:
    environment.setenv("WINDSOCK_SERVER__HOST", host)
    assert load().server.is_loopback


def test_the_variables_of_the_plugin_are_none_of_ours(environment: pytest.MonkeyPatch) -> None:
    for name in ("WINDSOCK_URL", "WINDSOCK_TOKEN", "WINDSOCK_DEPLOYMENT", "WINDSOCK_SPOOL"):
        environment.setenv(name, "http://x")
    assert isinstance(load(), Settings)


def test_what_is_shown_holds_no_secret(environment: pytest.MonkeyPatch) -> None:
    secrets = {
        "WINDSOCK_SERVER__SIGNAL_TOKEN": "hush-1", "WINDSOCK_SLACK__BOT_TOKEN": "hush-2", "WINDSOCK_SLACK__APP_TOKEN": "hush-3",
        "WINDSOCK_SLACK__SIGNING_SECRET": "hush-4", "WINDSOCK_AIRFLOW__PROD__PASSWORD": "hush-5",
        "WINDSOCK_AIRFLOW__PROD__TOKEN": "hush-6", "WINDSOCK_PAGERDUTY__ROUTING_KEY": "hush-7",
        "WINDSOCK_PAGERDUTY__API_TOKEN": "hush-8", "WINDSOCK_PAGERDUTY__WEBHOOK_SECRET": "hush-9",
        "WINDSOCK_AIRFLOW__PROD__METASTORE_URL": "postgresql+psycopg://af:hush-10@db/airflow",
        "WINDSOCK_AIRFLOW__PROD__URL": "https://ana:hush-11@airflow.example.com",
        "WINDSOCK_STORE__URL": "postgresql+psycopg://windsock:hush@-12@db/windsock?sslmode=require&password=hush-13",
    }  # fmt: skip
    for name, value in secrets.items():
        environment.setenv(name, value)
    shown = json.dumps(masked(load()), ensure_ascii=False)
    assert "hush" not in shown
    assert "-12" not in shown
    assert shown.count("•••") >= len(secrets)
    assert "postgresql+psycopg://windsock:•••@db/windsock?sslmode=require" in shown
    assert "60s" in shown


def test_roles_come_from_the_environment_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINDSOCK_ACCESS__RESPONDER", '["U1", "S2"]')
    monkeypatch.setenv("WINDSOCK_ACCESS__WIDE", "7")
    monkeypatch.setenv("WINDSOCK_ACCESS__DEPLOYMENT__PROD__RESPONDER", "[]")
    granted = access(load().access)
    assert granted.groups == {"S2"}
    assert granted.wide == 7
    assert granted.holders(Role.responder, "prod") == []


def test_a_rule_that_cannot_be_meant_ends_the_program_with_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "windsock.toml").write_text('[[access.rules]]\nverbs = ["clear"]\n')
    with pytest.raises(WrongSettings, match=r"^WINDSOCK_ACCESS__RULES\[0\]: says neither role nor second_person"):
        load()
