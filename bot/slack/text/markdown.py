"""Converts a runbook's Markdown to Slack's mrkdwn, section by section.

Everything is escaped first, then Markdown's own markup is converted, so a runbook can't mention anyone.
"""

from __future__ import annotations

import re

from bot.slack.text.words import escaped, visible

_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*$")
_BULLET = re.compile(r"^(\s*)[-*+]\s+")
_INLINE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*"), r"*\1*"),
    (re.compile(r"\[([^\]|\n]{1,300})\]\((https?://[^\s)|]{1,2000})\)"), r"<\2|\1>"),
    (re.compile(r"\[([^\]\n]{1,300})\]\([^)\n]{1,2000}\)"), r"\1"),
)


def sections(body: str) -> list[tuple[str, str]]:
    """(heading, mrkdwn) pairs in order; the first heading is empty if the text starts without one."""
    found: list[tuple[str, list[str]]] = [("", [])]
    in_code = False
    for line in visible(body).split("\n"):
        in_code ^= line.lstrip().startswith("```")
        heading = None if in_code else _HEADING.match(line)
        if heading:
            found.append((heading[2].replace("`", "").replace("**", ""), []))
        else:
            found[-1][1].append(
                re.sub(r"^(\s*```)\w+", r"\1", line) if "```" in line or in_code else _BULLET.sub(r"\1• ", line)
            )
    return [(title, text) for title, lines in found if (text := _mrkdwn("\n".join(lines)).strip()) or title]


def _mrkdwn(text: str) -> str:
    """Fenced code is kept unchanged; lines that Markdown joins become one line in Slack too."""
    parts = re.split(r"(```.*?(?:```|\Z))", escaped(text), flags=re.DOTALL)
    return "".join(part if part.startswith("```") else _paragraphs(part) for part in parts)


def _paragraphs(text: str) -> str:
    """Joins the lines of a paragraph; lists and paragraphs stay separate, and code spans unchanged."""
    joined = re.sub(r"(?<=\S)\n\s*(?=[^\s•\d])", " ", text)
    parts = re.split(r"(`[^`\n]*`)", joined)
    return "".join(part if part.startswith("`") else _inline(part) for part in parts)


def _inline(text: str) -> str:
    for pattern, instead in _INLINE:
        text = pattern.sub(instead, text)
    return text
