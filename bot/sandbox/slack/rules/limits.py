"""Slack's limits of size, as one table: the contents of a block, an element, an option, a view.

The real Slack refuses a whole message for a button value that is one character too long. Here too nothing is cut and
nothing is accepted beyond a limit; a refusal names the field by a JSON pointer. Rate limits are in `pace.py`.
"""

from __future__ import annotations

import json
from typing import Any

from bot.sandbox.slack.rules.shapes import (
    Faults,
    Rule,
    a_date,
    a_number,
    a_time,
    anything,
    both,
    either,
    fault,
    fields,
    flag,
    many,
    one_of,
    string,
    typed,
    whole,
    without_twins,
)

TEXT = 4_000
BLOCKS_TEXT = 13_200
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
ATTACHMENTS = 20
VIEW_BYTES = 250_000
METADATA_BYTES = 16_000

ID = string(255)
URL = string(3000)


def plain(most: int) -> Rule:
    return typed({"plain_text": fields({"text": string(most)}, {"emoji": flag})})


def text(most: int) -> Rule:
    mrkdwn = fields({"text": string(most)}, {"verbatim": flag})
    return typed({"plain_text": fields({"text": string(most)}, {"emoji": flag}), "mrkdwn": mrkdwn})


CONFIRM = fields(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": one_of("primary", "danger")},
)
OPTION = fields({"text": plain(75), "value": string(150)}, {"description": plain(75)})
CHOICE = fields({"text": text(75), "value": string(150)}, {"description": text(75)})
MENU_OPTION = fields({"text": plain(75), "value": string(150)}, {"description": plain(75), "url": URL})
OPTION_GROUP = fields({"label": plain(75), "options": many(OPTION, 100)})
FILTER = fields({}, {"include": anything, "exclude_bot_users": flag, "exclude_external_shared_channels": flag})

_INTERACTIVE = {"action_id": ID, "confirm": CONFIRM}
_FOCUS = {**_INTERACTIVE, "focus_on_load": flag, "placeholder": plain(150)}
_SEVERAL = {"max_selected_items": whole(1, 100)}
_WRITTEN = {"action_id": ID, "focus_on_load": flag, "placeholder": plain(150), "dispatch_action_config": anything}
_LENGTHS = {"min_length": whole(0, 3000), "max_length": whole(1, 3000), "multiline": flag}


def _select(listed: dict[str, Rule], initial: Rule) -> Rule:
    rule = fields({}, {**_FOCUS, **listed, "initial_option": initial})
    return both(rule, either("options", "option_groups"))


_OPTIONS = {"options": many(OPTION, 100), "option_groups": many(OPTION_GROUP, 100)}
_ASKED = {"min_query_length": whole(0, 3000)}

ELEMENTS: dict[str, Rule] = {
    "button": fields(
        {"text": plain(75)},
        {
            **_INTERACTIVE,
            "value": string(2000),
            "url": URL,
            "style": one_of("primary", "danger"),
            "accessibility_label": string(75),
        },
    ),
    "overflow": fields({"options": many(MENU_OPTION, 5)}, _INTERACTIVE),
    "static_select": _select(_OPTIONS, OPTION),
    "multi_static_select": both(
        fields({}, {**_FOCUS, **_OPTIONS, **_SEVERAL, "initial_options": many(OPTION, 100)}),
        either("options", "option_groups"),
    ),
    "external_select": fields({}, {**_FOCUS, **_ASKED, "initial_option": OPTION}),
    "multi_external_select": fields({}, {**_FOCUS, **_ASKED, **_SEVERAL, "initial_options": many(OPTION, 100)}),
    "users_select": fields({}, {**_FOCUS, "initial_user": ID}),
    "multi_users_select": fields({}, {**_FOCUS, **_SEVERAL, "initial_users": many(ID, 100)}),
    "channels_select": fields({}, {**_FOCUS, "initial_channel": ID, "response_url_enabled": flag}),
    "conversations_select": fields(
        {},
        {
            **_FOCUS,
            "initial_conversation": ID,
            "default_to_current_conversation": flag,
            "response_url_enabled": flag,
            "filter": FILTER,
        },
    ),
    "datepicker": fields({}, {**_FOCUS, "initial_date": a_date}),
    "timepicker": fields({}, {**_FOCUS, "initial_time": a_time, "timezone": string(100)}),
    "datetimepicker": fields({}, {**_INTERACTIVE, "focus_on_load": flag, "initial_date_time": whole(0, 9_999_999_999)}),
    "checkboxes": fields(
        {"options": many(CHOICE, 10)},
        {**_INTERACTIVE, "focus_on_load": flag, "initial_options": many(CHOICE, 10)},
    ),
    "radio_buttons": fields(
        {"options": many(CHOICE, 10)}, {**_INTERACTIVE, "focus_on_load": flag, "initial_option": CHOICE}
    ),
    "plain_text_input": fields({}, {**_WRITTEN, **_LENGTHS, "initial_value": string(3000, 0)}),
    "number_input": fields(
        {"is_decimal_allowed": flag},
        {**_WRITTEN, "initial_value": a_number, "min_value": a_number, "max_value": a_number},
    ),
    "url_text_input": fields({}, {**_WRITTEN, "initial_value": string(3000)}),
    "email_text_input": fields({}, {**_WRITTEN, "initial_value": string(3000)}),
    "image": both(
        fields({"alt_text": string(2000)}, {"image_url": URL, "slack_file": anything}),
        either("image_url", "slack_file"),
    ),
}
_WRITABLE = frozenset({"plain_text_input", "number_input", "url_text_input", "email_text_input"})
ACTIONS = frozenset(ELEMENTS) - _WRITABLE - {"image"}
ACCESSORIES = ACTIONS | {"image"}
INPUTS = frozenset(ELEMENTS) - {"button", "overflow", "image"}

_STYLE = {"style": anything}
_INLINE: dict[str, Rule] = {
    "text": fields({"text": string(3000)}, _STYLE),
    "link": fields({"url": URL}, {**_STYLE, "text": string(3000), "unsafe": flag}),
    "user": fields({"user_id": ID}, _STYLE),
    "usergroup": fields({"usergroup_id": ID}, _STYLE),
    "channel": fields({"channel_id": ID}, _STYLE),
    "emoji": fields({"name": ID}, {**_STYLE, "unicode": anything, "skin_tone": anything}),
    "broadcast": fields({"range": one_of("here", "channel", "everyone")}, _STYLE),
    "date": fields({"timestamp": anything, "format": string(255)}, {**_STYLE, "url": URL, "fallback": string(255)}),
    "color": fields({"value": string(30)}, _STYLE),
}
_RUN = {"elements": many(typed(_INLINE), 1000, 0)}
_LIST = fields(
    {"style": one_of("bullet", "ordered"), "elements": many(typed({"rich_text_section": fields(_RUN)}), 200)},
    {"indent": whole(0, 8), "offset": whole(0, 100_000), "border": whole(0, 1)},
)
RICH: dict[str, Rule] = {
    "rich_text_section": fields(_RUN),
    "rich_text_preformatted": fields(_RUN, {"border": whole(0, 1), "language": string(50)}),
    "rich_text_quote": fields(_RUN, {"border": whole(0, 1)}),
    "rich_text_list": _LIST,
}
_RICH_TEXT = fields({"elements": many(typed(RICH), 200, 0)}, {"block_id": ID})
_CELL = typed(
    {
        "raw_text": fields({"text": string(3000, 0)}),
        "raw_number": fields({"value": anything}, {"text": string(3000)}),
        "rich_text": _RICH_TEXT,
    }
)
_BLOCK = {"block_id": ID}

BLOCKS: dict[str, Rule] = {
    "header": fields({"text": plain(150)}, {**_BLOCK, "level": whole(1, 4)}),
    "section": both(
        fields(
            {},
            {
                **_BLOCK,
                "text": text(3000),
                "fields": many(text(2000), 10),
                "accessory": typed(ELEMENTS, ACCESSORIES),
                "expand": flag,
            },
        ),
        either("text", "fields"),
    ),
    "context": fields(
        {
            "elements": many(
                typed(
                    {**ELEMENTS, "mrkdwn": text(3000), "plain_text": text(3000)},
                    frozenset({"image", "mrkdwn", "plain_text"}),
                ),
                10,
            )
        },
        _BLOCK,
    ),
    "actions": fields({"elements": without_twins("action_id", many(typed(ELEMENTS, ACTIONS), 25))}, _BLOCK),
    "divider": fields({}, _BLOCK),
    "image": both(
        fields(
            {"alt_text": string(2000)},
            {**_BLOCK, "image_url": URL, "slack_file": anything, "title": plain(2000)},
        ),
        either("image_url", "slack_file"),
    ),
    "input": fields(
        {"label": plain(2000), "element": typed(ELEMENTS, INPUTS)},
        {**_BLOCK, "hint": plain(2000), "optional": flag, "dispatch_action": flag},
    ),
    "rich_text": _RICH_TEXT,
    "markdown": fields({"text": string(12_000)}, _BLOCK),
    "table": fields({"rows": many(many(_CELL, 20), 100)}, {**_BLOCK, "column_settings": many(anything, 20, 0)}),
}
_NOT_IN_VIEWS = {"markdown", "table"}

_TITLED = {"title": plain(24)}
_VIEW = {
    "private_metadata": string(3000, 0),
    "callback_id": string(255, 0),
    "external_id": string(255, 0),
    "notify_on_close": flag,
    "clear_on_close": flag,
    "submit_disabled": flag,
}
_IN_VIEW = without_twins("block_id", many(typed(BLOCKS, frozenset(set(BLOCKS) - _NOT_IN_VIEWS)), VIEW_BLOCKS, 0))
MODAL = fields({**_TITLED, "blocks": _IN_VIEW}, {**_VIEW, "submit": plain(24), "close": plain(24)})
HOME = fields({"blocks": _IN_VIEW}, _VIEW)
_IN_MESSAGE = without_twins("block_id", many(typed(BLOCKS), MESSAGE_BLOCKS, 0))
_FIELD = fields({}, {"title": string(300, 0), "value": string(2000, 0), "short": flag})
_TEXTS = ("fallback", "text", "pretext", "title", "title_link", "footer", "footer_icon", "callback_id")
_PICTURES = ("author_name", "author_link", "author_icon", "image_url", "thumb_url")
ATTACHMENT = fields(
    {},
    {
        "blocks": _IN_MESSAGE,
        "color": string(10),
        "fields": many(_FIELD, 10, 0),
        **dict.fromkeys(("ts", "mrkdwn_in", "id"), anything),
        **dict.fromkeys(_TEXTS + _PICTURES, string(3000, 0)),
    },
)


def blocks_faults(blocks: Any) -> Faults:
    """What is wrong with a message's blocks; empty if Slack would accept them."""
    return _IN_MESSAGE(blocks, "/blocks")


def attachments_faults(attachments: Any) -> Faults:
    return many(ATTACHMENT, ATTACHMENTS, 0)(attachments, "/attachments")


def view_faults(view: Any) -> Faults:
    """What is wrong with a view, with pointers from the view's root as in views.open."""
    faults = typed({"modal": MODAL, "home": HOME})(view, "/view")
    if not faults and view["type"] == "modal" and "submit" not in view:
        inputs = [n for n, block in enumerate(view["blocks"]) if block["type"] == "input"]
        faults = [fault("missing required field: submit", "/view")] if inputs else []
    return faults


def suggestion_faults(answer: Any) -> Faults:
    """What is wrong with the answer to a block_suggestion: `options`, or `option_groups`, at most a hundred."""
    listed = {"options": many(OPTION, 100, 0), "option_groups": many(OPTION_GROUP, 100, 0)}
    return both(fields({}, listed), either("options", "option_groups"))(answer, "")


def text_length(value: Any) -> int:
    """The characters in all `text` fields of the blocks; Slack limits their sum (`msg_blocks_too_long`)."""
    if isinstance(value, list):
        return sum(text_length(item) for item in value)
    if not isinstance(value, dict):
        return 0
    return sum(
        len(item) if name == "text" and isinstance(item, str) else text_length(item) for name, item in value.items()
    )


def too_large(value: Any, most: int) -> bool:
    return len(json.dumps(value, ensure_ascii=False).encode()) > most
