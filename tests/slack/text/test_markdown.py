"""A runbook's Markdown as Slack reads it."""

from __future__ import annotations

import pytest

from bot.slack.text.markdown import sections

BOOK = """
Before the first heading.

## What **you** see

Tasks fail with
`Connection refused`, see [the page](https://airflow.example.com/a_b).

- one
- two

### Code

```sql
select 1  -- **not bold**
## no heading
```
"""


def test_a_text_is_cut_at_its_headings() -> None:
    assert [title for title, _ in sections(BOOK)] == ["", "What you see", "Code"]


def test_lines_of_a_paragraph_are_joined_and_lists_are_not() -> None:
    text = dict(sections(BOOK))["What you see"]
    assert text == (
        "Tasks fail with `Connection refused`, see <https://airflow.example.com/a_b|the page>.\n\n• one\n• two"
    )


def test_code_stays_as_it_is() -> None:
    assert dict(sections(BOOK))["Code"] == "```\nselect 1  -- **not bold**\n## no heading\n```"


@pytest.mark.parametrize("text", ["<!channel> now", "<@U0ANA>", "[x](<!here>)", "**<!channel>**", "`<!here>`"])
def test_nothing_in_it_can_mention_anyone(text: str) -> None:
    ((_, shown),) = sections(text)
    assert "<!" not in shown
    assert "<@" not in shown


@pytest.mark.parametrize("target", ["javascript:alert", "file:///etc/passwd", "//evil.example"])
def test_a_link_that_is_no_web_address_is_only_its_text(target: str) -> None:
    ((_, shown),) = sections(f"[click]({target})")
    assert shown == "click"
