"""Slack's limits of size, one row each: at the limit it is taken, one above it is refused and the pointer names the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from bot.sandbox.slack.server import Running
from tests.sandbox.slack.wire import HTTP

Build = Callable[[int], dict[str, Any]]


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def option(n: int = 0, text: int = 1, value: int = 1) -> dict[str, Any]:
    return {"text": plain("t" * text), "value": f"{n}".rjust(value, "v")}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain("go"), "action_id": "go", **more}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def select(**more: Any) -> dict[str, Any]:
    return {"type": "static_select", "action_id": "s", "options": [option()], **more}


def asked(**more: Any) -> dict[str, Any]:
    return {"type": "input", "label": plain("Why"), "element": {"type": "plain_text_input"}, **more}


def confirm(**more: Any) -> dict[str, Any]:
    return {"title": plain("t"), "text": plain("t"), "confirm": plain("y"), "deny": plain("n"), **more}


BLOCKS: list[tuple[str, int, Build, str]] = [
    ("header", 150, lambda n: {"type": "header", "text": plain("x" * n)}, "/text/text"),
    ("section text", 3000, lambda n: {"type": "section", "text": mrkdwn("x" * n)}, "/text/text"),
    ("section fields", 10, lambda n: {"type": "section", "fields": [mrkdwn("x")] * n}, "/fields"),
    ("field text", 2000, lambda n: {"type": "section", "fields": [mrkdwn("x" * n)]}, "/fields/0/text"),
    ("context elements", 10, lambda n: {"type": "context", "elements": [mrkdwn("x")] * n}, "/elements"),
    ("actions elements", 25, lambda n: actions(*(button(action_id=f"a{k}") for k in range(n))), "/elements"),
    ("button text", 75, lambda n: actions(button(text=plain("x" * n))), "/elements/0/text/text"),
    ("button value", 2000, lambda n: actions(button(value="x" * n)), "/elements/0/value"),
    ("button url", 3000, lambda n: actions(button(url="x" * n)), "/elements/0/url"),
    (
        "accessibility label",
        75,
        lambda n: actions(button(accessibility_label="x" * n)),
        "/elements/0/accessibility_label",
    ),
    ("action_id", 255, lambda n: actions(button(action_id="x" * n)), "/elements/0/action_id"),
    ("block_id", 255, lambda n: {"type": "divider", "block_id": "x" * n}, "/block_id"),
    (
        "overflow options",
        5,
        lambda n: actions({"type": "overflow", "options": [option(k) for k in range(n)]}),
        "/elements/0/options",
    ),
    ("select options", 100, lambda n: actions(select(options=[option(k) for k in range(n)])), "/elements/0/options"),
    ("option text", 75, lambda n: actions(select(options=[option(text=n)])), "/elements/0/options/0/text/text"),
    ("option value", 150, lambda n: actions(select(options=[option(value=n)])), "/elements/0/options/0/value"),
    ("placeholder", 150, lambda n: actions(select(placeholder=plain("x" * n))), "/elements/0/placeholder/text"),
    (
        "radio options",
        10,
        lambda n: actions({"type": "radio_buttons", "options": [option(k) for k in range(n)]}),
        "/elements/0/options",
    ),
    (
        "checkbox options",
        10,
        lambda n: actions({"type": "checkboxes", "options": [option(k) for k in range(n)]}),
        "/elements/0/options",
    ),
    (
        "confirm title",
        100,
        lambda n: actions(button(confirm=confirm(title=plain("x" * n)))),
        "/elements/0/confirm/title/text",
    ),
    (
        "confirm text",
        300,
        lambda n: actions(button(confirm=confirm(text=plain("x" * n)))),
        "/elements/0/confirm/text/text",
    ),
    (
        "confirm word",
        30,
        lambda n: actions(button(confirm=confirm(deny=plain("x" * n)))),
        "/elements/0/confirm/deny/text",
    ),
    ("input label", 2000, lambda n: asked(label=plain("x" * n)), "/label/text"),
    ("input hint", 2000, lambda n: asked(hint=plain("x" * n)), "/hint/text"),
    (
        "image alt",
        2000,
        lambda n: {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "x" * n},
        "/alt_text",
    ),
    ("markdown", 12000, lambda n: {"type": "markdown", "text": "x" * n}, "/text"),
    ("table rows", 100, lambda n: {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * n}, "/rows"),
    ("table columns", 20, lambda n: {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * n]}, "/rows/0"),
]

VIEWS: list[tuple[str, int, Build, str]] = [
    ("title", 24, lambda n: {"title": plain("x" * n)}, "/view/title/text"),
    ("submit", 24, lambda n: {"submit": plain("x" * n)}, "/view/submit/text"),
    ("close", 24, lambda n: {"close": plain("x" * n)}, "/view/close/text"),
    ("private_metadata", 3000, lambda n: {"private_metadata": "x" * n}, "/view/private_metadata"),
    ("callback_id", 255, lambda n: {"callback_id": "x" * n}, "/view/callback_id"),
    ("blocks", 100, lambda n: {"blocks": [{"type": "divider"}] * n}, "/view/blocks"),
]

WRONG: list[tuple[str, Any, str]] = [
    ("an unknown block", {"type": "sparkle"}, "unsupported type: sparkle [json-pointer:/blocks/0/type]"),
    (
        "an empty text",
        {"type": "section", "text": mrkdwn("")},
        "must be more than 0 characters [json-pointer:/blocks/0/text/text]",
    ),
    ("nothing to say", {"type": "section"}, "missing required field: text or fields [json-pointer:/blocks/0]"),
    (
        "a word of ours",
        {"type": "divider", "colour": "red"},
        "invalid additional property: colour [json-pointer:/blocks/0]",
    ),
    (
        "mrkdwn in a header",
        {"type": "header", "text": mrkdwn("x")},
        "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
    ),
    (
        "a style",
        actions(button(style="green")),
        "must be one of: primary, danger [json-pointer:/blocks/0/elements/0/style]",
    ),
    (
        "an input among actions",
        actions({"type": "plain_text_input"}),
        "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
    ),
    (
        "twins",
        actions(button(), button()),
        "`action_id` go already exists [json-pointer:/blocks/0/elements/1/action_id]",
    ),
]


@pytest.mark.parametrize(("name", "most", "build", "pointer"), BLOCKS, ids=[row[0] for row in BLOCKS])
def test_a_block_at_the_limit_is_taken_and_one_above_is_refused(
    slack: Running, name: str, most: int, build: Build, pointer: str
) -> None:
    assert _post(slack, blocks=[build(most)])["ok"]
    refused = _post(slack, blocks=[build(most + 1)])
    assert refused["error"] == "invalid_blocks"
    assert refused["errors"][0].endswith(f"[json-pointer:/blocks/0{pointer}]"), refused
    assert refused["response_metadata"]["messages"] == [f"[ERROR] {e}" for e in refused["errors"]]


@pytest.mark.parametrize(("name", "most", "build", "pointer"), VIEWS, ids=[row[0] for row in VIEWS])
def test_a_view_at_the_limit_is_taken_and_one_above_is_refused(
    slack: Running, name: str, most: int, build: Build, pointer: str
) -> None:
    # The view is judged before its trigger: an unknown trigger is what is left to refuse.
    assert _open(slack, build(most))["error"] == "invalid_trigger_id"
    refused = _open(slack, build(most + 1))
    assert refused["error"] == "invalid_arguments"
    assert refused["errors"][0].endswith(f"[json-pointer:{pointer}]"), refused


@pytest.mark.parametrize(("name", "block", "sentence"), WRONG, ids=[row[0] for row in WRONG])
def test_a_malformed_block_is_refused_in_slacks_words(slack: Running, name: str, block: Any, sentence: str) -> None:
    assert _post(slack, blocks=[block])["errors"] == [sentence]


def test_a_message_has_at_most_fifty_blocks(slack: Running) -> None:
    assert _post(slack, blocks=[{"type": "divider"}] * 50, text="x")["ok"]
    assert _post(slack, blocks=[{"type": "divider"}] * 51, text="x")["errors"] == [
        "no more than 50 items allowed [json-pointer:/blocks]"
    ]


def test_all_text_of_the_blocks_together_is_limited(slack: Running) -> None:
    whole = [{"type": "section", "text": mrkdwn("x" * 2640)}] * 5
    assert _post(slack, blocks=whole)["ok"]
    more = [*whole, {"type": "section", "text": mrkdwn("x")}]
    assert _post(slack, blocks=more)["error"] == "msg_blocks_too_long"


def test_text_has_its_own_limits(slack: Running) -> None:
    assert _post(slack, text="x" * 4000)["ok"]
    assert _post(slack, text="x" * 4001)["error"] == "msg_too_long"
    assert _post(slack)["error"] == "no_text"
    assert _post(slack, text="", blocks=[], attachments=[])["error"] == "no_text"


def test_an_attachments_block_is_refused_with_its_pointer(slack: Running) -> None:
    refused = _post(
        slack, text="x", attachments=[{"color": "#D55E00", "blocks": [{"type": "header", "text": plain("")}]}]
    )
    assert refused["error"] == "invalid_attachments"
    assert refused["errors"] == ["must be more than 0 characters [json-pointer:/attachments/0/blocks/0/text/text]"]


def test_a_modal_with_an_input_needs_a_submit(slack: Running) -> None:
    refused = _open(slack, {"blocks": [asked()]})
    assert refused["errors"] == ["missing required field: submit [json-pointer:/view]"]


def test_a_view_is_at_most_250_kilobytes(slack: Running) -> None:
    large = {"type": "section", "text": mrkdwn("é" * 2990)}
    assert _open(slack, {"blocks": [large] * 60})["error"] == "view_too_large"


def test_blocks_may_come_as_json_in_a_form(slack: Running) -> None:
    form = {"channel": "C0ALERTS", "blocks": json.dumps([{"type": "header", "text": plain("hi")}])}
    assert _call(slack, "chat.postMessage", data=form)["ok"]
    assert _call(slack, "chat.postMessage", data={**form, "blocks": "[{"})["error"] == "invalid_blocks_format"


def _post(slack: Running, **arguments: Any) -> dict[str, Any]:
    return _call(slack, "chat.postMessage", json={"channel": "data-alerts", **arguments})


def _open(slack: Running, changes: dict[str, Any]) -> dict[str, Any]:
    view = {"type": "modal", "title": plain("t"), "blocks": [{"type": "divider"}], **changes}
    return _call(slack, "views.open", json={"trigger_id": "unknown", "view": view})


def _call(slack: Running, method: str, **body: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {slack.config.bot_token}"}
    answer = HTTP.post(f"{slack.api_url}{method}", headers=headers, **body)
    found: dict[str, Any] = answer.json()
    return found
