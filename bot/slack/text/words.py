"""Makes foreign text safe for Slack; formats times and figures for people.

The same name may appear in mrkdwn (where `<!channel>`, `:fire:` and a bare URL have an effect), in a code span (where
only a backtick has) and in plain text (where nothing has). Foreign text reaches a message only through `foreign`,
`code`, `plain` or `preformatted`, and each masks secrets before it cuts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from bot.core.access import Person
from bot.core.redaction import redact

DOT = " · "
_JOINER = "\u2060"  # zero width, no line break: disables markup without a visible change
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"
    "\U000e0000-\U000e007f]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_EMOJI = re.compile(r"(?<=:)(?=[a-z0-9_+'\-]*[a-z][a-z0-9_+'\-]*:)|(?<=:)(?=(?:[+\-]1|100|1234):)", re.IGNORECASE)
_LIVE = re.compile(rf"{_EMOJI.pattern}|(?<=:)(?=//)|(?<=[@#])(?=\w)|(?<=mailto:)", re.IGNORECASE)
_MARKS = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
_OPENS_ITALIC, _ENDS_ITALIC = re.compile(r"(?<!\w)_(?=[^_\s])"), re.compile(r"(?<=[^_\s])_(?!\w)")
_UNMARKED = str.maketrans({"*": None, "`": None})
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_IN_URL = ":/?#[]@!$&'()*+,;=%~-._"
_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,20}")
_SLACK_GROUP = re.compile(r"S[A-Z0-9]{2,20}")
_MENTION = re.compile(r"<(?:@([UW][A-Z0-9]{2,20})|!subteam\^(S[A-Z0-9]{2,20}))(?:\|[^<>]{0,80})?>")


def visible(text: str) -> str:
    """Removes control characters and characters that change the writing direction; replaces lone surrogates."""
    return _UNSEEN.sub("", _SURROGATES.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n")))


def _tidy(text: object) -> str:
    """Removes characters that can't be seen or stored, and masks secrets."""
    raw = "" if text is None else str(text)
    return redact(visible(raw))


def plain(text: object, limit: int = 0) -> str:
    """Foreign text on one line for `plain_text`, which has no markup; cut to `limit` characters if that is given."""
    line = " ".join(_tidy(text).split())
    return cut(line, limit) if limit else line


def escaped(text: str) -> str:
    """Replaces the three characters that are special in every mrkdwn with entities."""
    return text.translate(_ENTITIES)


def foreign(text: object, limit: int = 0, *, formatted: bool = False) -> str:
    """Foreign text on one line for mrkdwn: its mentions, links, emoji and formatting have no effect. `formatted` keeps
    bold and code, for the bot's own sentences that contain foreign names. `limit` counts characters before escaping."""
    line = plain(text, limit)
    if not formatted:
        line = line.translate(_MARKS)
    return escaped(_LIVE.sub(_JOINER, line))


def code(text: object, limit: int = 150) -> str:
    """Foreign text in a code span."""
    line = plain(text, limit).replace("`", "ˋ")
    return f"`{escaped(line)}`" if line else ""


def bare(said: str) -> str:
    """The bot's own mrkdwn without bold and code, for `text`; foreign text that was safe only in a code span is made
    safe."""
    parts = re.split(r"(<[^<>]*>)", said)
    return "".join(part if part.startswith("<") else _LIVE.sub(_JOINER, part.translate(_UNMARKED)) for part in parts)


def lifeless(said: str) -> str:
    """Disables emoji and italics in finished mrkdwn, also those formed by foreign names with their surroundings; the
    bot itself uses neither. Code and tokens stay unchanged, because people copy them."""
    parts = re.split(r"(<[^<>]*>|`[^`\n]*`)", said)
    italic = any(_ENDS_ITALIC.search(part) for part in parts[::2])
    parts[::2] = [_EMOJI.sub(_JOINER, _OPENS_ITALIC.sub("ˍ", part) if italic else part) for part in parts[::2]]
    return "".join(parts)


def preformatted(text: object) -> str:
    """Foreign text of several lines for `rich_text_preformatted`, which has no markup."""
    lines = (line.rstrip() for line in _tidy(text).expandtabs(4).split("\n"))
    return "\n".join(lines).strip("\n")


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the last of them `…`; never ends within a combined character (a joiner, an
    accent)."""
    if len(text) <= limit:
        return text
    end = max(0, limit - 1)
    while end > 0 and (_belongs_to_its_neighbour(text[end]) or text[end - 1] in "\u200d\u2060"):
        end -= 1
    return text[:end].rstrip(" ,;:(·") + "…" if limit > 0 else ""


def cut_middle(text: str, limit: int) -> str:
    """At most `limit` characters, cut in the middle: the end of a long name matters as much as its start."""
    if len(text) <= limit:
        return text
    tail = text[len(text) - max(0, (limit - 1) // 2) :] if limit > 8 else ""
    while tail and _belongs_to_its_neighbour(tail[0]):
        tail = tail[1:]
    return cut(text, limit - len(tail)) + tail


def _belongs_to_its_neighbour(sign: str) -> bool:
    return bool(unicodedata.combining(sign)) or sign in "\u200d\ufe0e\ufe0f" or "\U0001f3fb" <= sign <= "\U0001f3ff"


def link(url: str, label: object, limit: int = 300) -> str:
    """A link for people; only the label if the URL isn't a valid http(s) address."""
    words = foreign(label, limit).replace("|", "¦")
    if not re.match(r"https?://[^\s/]", url) or len(url) > 2_000:
        return words
    address = escaped(quote(url, safe=_IN_URL))
    return f"<{address}|{words}>" if words else ""


def who(person: Person) -> str:
    """The person as a Slack user; an edit or an ephemeral answer notifies no one."""
    return f"<@{person.id}>" if _SLACK_USER.fullmatch(person.id) else foreign(person.name, 40)


def mention(name: str) -> str:
    """A working mention for a route: a user, a user group, `here` or `channel`; any other text is escaped."""
    word = name.strip().lstrip("@")
    if found := _MENTION.fullmatch(name.strip()):
        return f"<@{found[1]}>" if found[1] else f"<!subteam^{found[2]}>"
    if _SLACK_USER.fullmatch(word):
        return f"<@{word}>"
    if _SLACK_GROUP.fullmatch(word):
        return f"<!subteam^{word}>"
    return f"<!{word}>" if word in {"here", "channel"} else foreign(name, 80)


def listed(names: Iterable[str], last: str = "and", most: int = 6) -> str:
    """`a, b and c`; beyond `most` the rest is counted."""
    shown = [name for name in names if name]
    if len(shown) > most:
        shown = [*shown[: most - 1], f"{len(shown) - most + 1} more"]
    return f" {last} ".join(part for part in (", ".join(shown[:-1]), *shown[-1:]) if part)


def count(number: int, word: str, plural: str = "") -> str:
    """`1 task`, `14 tasks`: digits without separators, so that they can be searched for."""
    return f"{number} {word if number == 1 else plural or word + 's'}"


def nth(number: int) -> str:
    """`3rd`."""
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in {11, 12, 13} else 0, "th")
    return f"{number}{suffix}"


def clock(moment: datetime) -> str:
    """`05:27 UTC`, for plain text."""
    return f"{moment.astimezone(UTC):%H:%M} UTC"


def at(moment: datetime, now: datetime | None = None) -> str:
    """The time of day in each reader's own zone; with the day if it is twelve hours or more from `now`."""
    stamp, moment = int(moment.timestamp()), moment.astimezone(UTC)
    if now is None or abs(moment - now) < timedelta(hours=12):
        return f"<!date^{stamp}^{{time}}|{clock(moment)}>"
    days = (moment.date() - now.astimezone(UTC).date()).days
    day = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get(days, f"{moment.day} {moment:%b %Y}")
    return f"<!date^{stamp}^{{date_short_pretty}} {{time}}|{day} {clock(moment)}>"


def as_moment(value: Any) -> datetime | None:
    """A time from stored context, given as a datetime or ISO 8601; None for anything else."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def joined(*facts: str) -> str:
    """Facts on one line; empty ones, which are unknown, are left out."""
    return DOT.join(fact for fact in facts if fact)


def quoted(text: object, limit: int = 300) -> str:
    """A person's words, in quotation marks."""
    words = foreign(text, limit)
    return f"“{words}”" if words else ""
