"""Whatever a message holds, `fit` makes of it one that Slack accepts, and breaks nothing while cutting."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.text import block_kit, words
from bot.slack.text.limits import cut_markup, fit, fit_view
from tests.slack import strict
from tests.slack.samples import FAILED_AT

TEXT = st.one_of(
    st.text(max_size=40), st.sampled_from(["", " ", "x" * 5_000, "&amp;" * 900, "<!date^1^{time}|05:12 UTC>" * 400])
)


def _block(kind: str, text: str, number: int) -> Any:
    match kind:
        case "header":
            return block_kit.header(text)
        case "section":
            return {"type": "section", "text": {"type": "mrkdwn", "text": text}, "accessory": _menu(text, number)}
        case "context":
            return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}] * number}
        case "rich_text":
            inner = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
            return {"type": "rich_text", "elements": [inner]}
        case _:
            elements = [block_kit.button(f"b{n}", text or "x", text or "x", spoken=text or "x") for n in range(number)]
            return {"type": "actions", "block_id": f"{kind}{number}{text[:5]}", "elements": elements}


def _menu(text: str, number: int) -> Any:
    return {
        "type": "overflow",
        "action_id": "more",
        "options": [block_kit.option(text or "x", f"{n}{text}") for n in range(number)],
    }


BLOCK = st.builds(_block, st.sampled_from(["header", "section", "context", "rich_text"]), TEXT, st.integers(1, 30))


@settings(max_examples=60, deadline=None)
@given(TEXT, st.lists(BLOCK, max_size=8), st.integers(1, 20))
def test_any_message_fits_afterwards(text: str, blocks: list[Any], often: int) -> None:
    strip = block_kit.strip("#D55E00", "A-12", "A-12")
    many = [*blocks * often, _block("actions", "y" * 100, 40)]
    found = strict.faults(_harmless(fit(block_kit.message(text, *many, attachments=strip))))
    assert found == []


def _harmless(message: Any) -> Any:
    """Control characters are the concern of `words`, not of the limits."""
    return {"text": strict.CONTROL.sub("?", message["text"]), "blocks": _clean(message["blocks"]),
            "attachments": message["attachments"]}  # fmt: skip


def _clean(value: Any) -> Any:
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    return strict.CONTROL.sub("?", value) if isinstance(value, str) else value


def test_a_message_that_fits_is_not_touched() -> None:
    message = block_kit.message(
        "a",
        block_kit.header("b"),
        block_kit.section("c &amp; <!here>"),
        attachments=block_kit.strip("#D55E00", "d", "d"),
    )
    assert fit(message) == message


def test_headline_and_last_lines_stay_when_blocks_must_go() -> None:
    blocks = [
        block_kit.header("head"),
        *(block_kit.section(f"line {n}") for n in range(90)),
        block_kit.section("last but one"),
        block_kit.section("last"),
    ]
    fitted = fit(block_kit.message("a", *blocks, attachments=block_kit.strip("#D55E00", "strip", "strip")))
    assert fitted["blocks"][0] == block_kit.header("head")
    assert [block["text"]["text"] for block in fitted["blocks"][-2:]] == ["last but one", "last"]
    assert fitted["blocks"][-3]["elements"][0]["text"] == "… 45 more parts are not shown"
    assert fitted["attachments"][0]["blocks"] == [block_kit.section("strip")]


def test_the_sum_of_all_texts_stays_under_what_slack_refuses() -> None:
    fitted = fit(block_kit.message("a", *[block_kit.section("x" * 2_900)] * 30))
    assert sum(len(text) for text in strict.texts(fitted["blocks"])) <= 12_000
    assert len(fitted["blocks"]) == 30


@given(st.lists(st.sampled_from(["&amp;", "&lt;", "<!date^1^{time}|05:12 UTC>", "<https://a.example|b>", "`code`", "word ", "ä"]),
                min_size=1, max_size=60), st.integers(12, 200))  # fmt: skip
def test_an_entity_or_a_token_is_cut_whole_or_not_at_all(parts: list[str], limit: int) -> None:
    shown = cut_markup("".join(parts), limit)
    assert len(shown) <= limit
    bare = re.sub(r"<[^<>]*>", "", shown)
    assert "<" not in bare
    assert not re.search(r"&(?!amp;|lt;|gt;)", bare)
    assert shown.count("`") % 2 == 0


def test_a_value_is_never_shortened_its_option_or_button_goes() -> None:
    menu = {
        "type": "overflow",
        "action_id": "more",
        "options": [block_kit.option("a", "x" * 151), block_kit.option("b", "b")],
    }
    buttons = block_kit.actions(
        "actions", block_kit.button("long", "a", "x" * 2_001), block_kit.button("short", "b", "y"), menu
    )
    fitted = fit(block_kit.message("a", buttons))["blocks"][0]["elements"]
    assert [element["action_id"] for element in fitted] == ["short", "more"]
    assert fitted[1]["options"] == [block_kit.option("b", "b")]


def test_a_modal_keeps_its_first_choice_among_its_options() -> None:
    long = block_kit.option("a", "x" * 151)
    radio = {"type": "radio_buttons", "options": [long, block_kit.option("b", "b")], "initial_option": long}
    blocks = [block_kit.question("what", "What", radio)]
    view = fit_view(
        block_kit.modal("silence", "A title that is too long for Slack", blocks, about="A-12", submit="Silence")
    )
    assert strict.view_faults(view) == []
    assert view["blocks"][0]["element"]["initial_option"] == block_kit.option("b", "b")
    assert view["private_metadata"] == "A-12"


def test_a_foreign_name_and_a_colon_of_ours_make_no_emoji() -> None:
    said = f"{words.foreign('deploy :fire')}: 3 of 5, {words.at(FAILED_AT)}"
    shown = fit(block_kit.message(said, block_kit.section(said)))
    for text in (shown["text"], shown["blocks"][0]["text"]["text"]):
        assert ":fire:" not in text
        assert words.at(FAILED_AT) in text, "a token of ours stays whole"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"{words.foreign('_load')}.{words.foreign('end_')}", "ˍload.end_"),
        (words.foreign("_name_ and _x y_"), "ˍname_ and ˍx y_"),
        ("_private is no _pair, snake_case_name, __init__.py", "_private is no _pair, snake_case_name, __init__.py"),
        (f"{words.code('prod:_load_:fire:')} of _x_", "`prod:_load_:fire:` of ˍx_"),
        ("next: `/airflow logs prod:sales:load`", "next: `/airflow logs prod:sales:load`"),
    ],
)
def test_foreign_names_make_no_italics_and_what_people_copy_is_untouched(said: str, shown: str) -> None:
    fitted = fit(block_kit.message(said, block_kit.section(said)))
    assert fitted["blocks"][0]["text"]["text"] == shown
    assert fitted["text"] == shown


def test_slack_makes_no_links_by_itself() -> None:
    shown = fit(block_kit.message("a", block_kit.section("see #general and evil.example"), block_kit.context("x.y")))
    assert shown["blocks"][0]["text"]["verbatim"] is True
    assert shown["blocks"][1]["elements"][0]["verbatim"] is True
