"""Validates the shape of Slack's payloads once, before Bolt gets them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.core.json_text import read_json

SLACK_HOSTS = frozenset({"hooks.slack.com", "slack.com", "hooks.slack-gov.com", "slack-gov.com"})
_COMMAND = ("user_id", "channel_id", "trigger_id")
_EVENTS = frozenset({"event_callback", "url_verification", "app_rate_limited"})
_WITH_VIEW = frozenset({"view_submission", "view_closed"})


class Misshapen(ValueError):
    """What is wrong with a payload, in one sentence that names the field."""


def read(body: bytes, content_type: str) -> Mapping[str, Any]:
    """The payload in an HTTP body. Raises Misshapen."""
    try:
        text = body.decode("utf-8")
        if content_type.split(";", maxsplit=1)[0].strip().lower() == "application/json":
            return _object(read_json(text), "body")
        form = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True, max_num_fields=100).items()}
        return _object(read_json(form["payload"]), "payload") if "payload" in form else form
    except (ValueError, RecursionError) as error:
        if isinstance(error, Misshapen):
            raise
        raise Misshapen("body: is neither a form nor JSON that can be read") from None


def check(payload: Any, api_url: str) -> None:
    """Raises Misshapen unless listeners can read the payload and its response_url is Slack's. `api_url` is Slack's Web
    API, which has another address in a sandbox."""
    payload = _object(payload, "payload")
    kind = payload.get("type") if isinstance(payload.get("type"), str) else None
    if "command" in payload:
        for name in _COMMAND:
            _text(payload.get(name), name)
    elif kind in _EVENTS:
        _object(payload.get("event", {}), "event")
    elif "ssl_check" not in payload:
        _text(kind, "type")
        _text(_object(payload.get("user"), "user").get("id"), "user.id")
        _interaction(payload, kind or "")
    if not is_slacks(payload.get("response_url"), api_url):
        raise Misshapen("response_url: isn't an address of Slack's")


def is_slacks(url: Any, api_url: str) -> bool:
    """Whether answers may be sent to this URL: one of Slack's hosts by https, the host of the configured API, or no URL
    at all."""
    if not url:
        return True
    try:
        there, api = urlsplit(str(url)), urlsplit(api_url)
        same = (there.scheme, there.hostname, there.port) == (api.scheme, api.hostname, api.port)
        slacks = there.scheme == "https" and there.hostname in SLACK_HOSTS and there.port in {None, 443}
    except ValueError:
        return False
    return same or slacks


def _interaction(payload: Mapping[str, Any], kind: str) -> None:
    if kind == "block_actions":
        actions = payload.get("actions")
        if not isinstance(actions, list) or not actions:
            raise Misshapen("actions: must be a list that is not empty")
        _text(_object(actions[0], "actions[0]").get("action_id"), "actions[0].action_id")
        chosen = actions[0].get("selected_option")
        _object({} if chosen is None else chosen, "actions[0].selected_option")
    elif kind in _WITH_VIEW:
        view = _object(payload.get("view"), "view")
        _text(view.get("id"), "view.id")
        values = _object(_object(view.get("state") or {}, "view.state").get("values") or {}, "view.state.values")
        for block, elements in values.items():
            for element in _object(elements, f"view.state.values.{block}").values():
                _object(element, f"view.state.values.{block}")
    for name in ("channel", "container", "message", "team", "view"):
        _object({} if payload.get(name) is None else payload[name], name)


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Misshapen(f"{name}: must be an object")
    return value


def _text(value: Any, name: str) -> None:
    if not isinstance(value, str) or not value:
        raise Misshapen(f"{name}: must be a text")
