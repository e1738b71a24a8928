"""The Slack app's manifest, for either mode."""

from __future__ import annotations

from bot.cli.manifest import SCOPES, manifest


def test_in_socket_mode_slack_is_told_no_address() -> None:
    made = manifest("/flow")
    assert made["settings"]["socket_mode_enabled"] is True
    assert "http" not in str(made["features"]["slash_commands"]) + str(made["settings"])
    assert made["features"]["slash_commands"][0]["command"] == "/flow"


def test_in_http_mode_every_request_goes_to_the_one_address() -> None:
    made = manifest("/airflow", "https://windsock.example.com/")
    where = "https://windsock.example.com/slack/events"
    assert made["settings"]["socket_mode_enabled"] is False
    assert made["features"]["slash_commands"][0]["url"] == where
    assert made["settings"]["event_subscriptions"]["request_url"] == where
    told = {"is_enabled": True, "request_url": where, "message_menu_options_url": where}
    assert made["settings"]["interactivity"] == told


def test_the_home_tab_is_on_and_its_opening_is_told() -> None:
    made = manifest()
    assert made["features"]["app_home"]["home_tab_enabled"] is True
    assert "app_home_opened" in made["settings"]["event_subscriptions"]["bot_events"]


def test_it_asks_for_each_scope_once_and_for_what_it_cannot_do_without() -> None:
    scopes = manifest()["oauth_config"]["scopes"]["bot"]
    assert scopes == sorted(set(SCOPES))
    assert {"chat:write", "commands", "channels:history", "usergroups:read", "users:read"} <= set(scopes)
