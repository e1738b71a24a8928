"""The grammar of a slash command: a verb, a REF, then options as words or flags.

Curly quotes, long dashes and links in angle brackets, which editors insert, are normalised first. Parsing is
independent of Airflow; names are resolved later. A fault is shown with a caret under it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.core.dates import moment
from bot.core.errors import Refused
from bot.slack.commands.links import Ref, of_link

_TYPOGRAPHY = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'",
                             "—": "--", "–": "--", "−": "-", "\u00a0": " ", "\u202f": " ", "…": "..."})  # fmt: skip
_TOKEN = re.compile(r'[\w.-]+=(?:"[^"]*"|\'[^\']*\')|"[^"]*"|\'[^\']*\'|\S+')
_INCIDENT = re.compile(r"(?:(?P<deployment>[\w-]+):)?[Aa]-?(?P<number>\d{1,9})")
_SLACK_LINK = re.compile(r"((?:[\w-]+:)?)<(.*)>")  # <https://…|label>, as Slack sends a link
_LINK = re.compile(r"(?:(?P<deployment>[\w-]+):)?(?P<link>[a-z]+://.*)", re.IGNORECASE)
_REF = re.compile(r"(?:(?P<deployment>[\w-]+):)?(?P<name>[^\s@\[\]:]+)(?:\[(?P<index>\d{1,9})\])?(?:@(?P<run>\S+))?")
_VALUED = re.compile(r"--(from|to|for|conf|reason)(?:=(.*))?", re.DOTALL)  # flags that take a value
_SHOWN = 60  # characters shown on either side of a fault


@dataclass(frozen=True, slots=True)
class Command:
    """One parsed line. `words` follow the verb, in order and unquoted; `text` is the normalised line."""

    verb: str
    words: tuple[str, ...] = ()
    text: str = ""
    flags: frozenset[str] = field(default_factory=frozenset)

    @property
    def rest(self) -> str:
        return " ".join(self.words)

    def after(self, words: int) -> str:
        """The text after the verb and that many words, as it was typed: a note keeps its quotes."""
        ends = [found.end() for found in _TOKEN.finditer(self.text)]
        return _unescaped(self.text[ends[words] :].strip()) if len(ends) > words else ""


@dataclass(frozen=True, slots=True)
class Fault(Refused):
    """A refusal that shows where the fault is: the line and a caret under it."""

    line: str = ""
    caret: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A window of time, both ends included, and the words that don't belong to it."""

    start: datetime
    end: datetime
    rest: tuple[str, ...]


def parse(line: str) -> Command:
    """The verb in lower case, and its words. An empty line means help."""
    text = line.translate(_TYPOGRAPHY).strip()
    tokens = [token for found in _TOKEN.findall(text) for token in _valued(_plain(found))]
    if not tokens:
        return Command("help", text=text)
    flags = frozenset(word[2:].lower() for word in tokens[1:] if word.startswith("--") and len(word) > 2)
    words = tuple(word for word in tokens[1:] if not word.startswith("--") or word == "--")
    return Command(tokens[0].lower(), words, text, flags)


def _plain(token: str) -> str:
    if len(token) >= 2 and token[0] == token[-1] and token[0] in "\"'":
        return token[1:-1]
    if found := _SLACK_LINK.fullmatch(token):
        token = found[1] + found[2].split("|", 1)[0]
    return _unescaped(token)


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _valued(token: str) -> list[str]:
    """`--from=monday` becomes `from monday`; other flags stay flags."""
    found = _VALUED.fullmatch(token)
    if not found:
        return [token]
    if found[1] == "conf":
        return [f"conf={found[2] or ''}"] if found[2] else [token]
    return [found[1], *([found[2]] if found[2] else [])]


def ref(word: str) -> Ref | Refused:
    """A REF from one word: A-12, dag, dag.task, dag.task[7], dag@run, a pasted Airflow link, each with an optional
    prefix `prod:`."""
    if found := _INCIDENT.fullmatch(word):
        return Ref(incident=int(found["number"]), deployment=found["deployment"] or "")
    if link := _LINK.fullmatch(word):
        shown = of_link(link["link"])
        return shown if isinstance(shown, Refused) else replace(shown, deployment=link["deployment"] or "")
    found = _REF.fullmatch(word)
    if not found:
        return Refused(f"`{word[:80]}` isn't something I can look up. Try A-12, dag, dag.task or dag@run.", "help")
    index = found["index"]
    return Ref(
        deployment=found["deployment"] or "", name=found["name"], map_index=int(index) if index else None,
        run=found["run"] or "",
    )  # fmt: skip


def window(command: Command, words: Sequence[str], now: datetime) -> Said | Refused | None:
    """Parses `from D [to D]` among the words; None if there is no `from`. Without `to` the window ends now."""
    lower = [word.lower() for word in words]
    if "from" not in lower:
        return _lone_to(command, lower)
    at = lower.index("from")
    first, after_first = _date(words, at + 1)
    start = moment(first, now)
    if start is None:
        return fault(command, first or words[at], f"`{first}` isn't a date" if first else "`from` needs a date")
    end, rest = now, after_first
    if after_first < len(words) and lower[after_first] == "to":
        last, rest = _date(words, after_first + 1)
        found = moment(last, now, end=True)
        if found is None:
            return fault(command, last or "to", f"`{last}` isn't a date" if last else "`to` needs a date", last=True)
        end = found
    if end < start:
        return fault(command, first, "The window ends before it begins")
    return Said(start, end, (*words[:at], *words[rest:]))


def _lone_to(command: Command, lower: Sequence[str]) -> Refused | None:
    return fault(command, "to", "`to` needs a `from` before it", last=True) if "to" in lower else None


def _date(words: Sequence[str], at: int) -> tuple[str, int]:
    """The words of a date (`3d ago` and `2026-11-20 05:00` are two), and the position after them."""
    if at >= len(words):
        return "", at
    following = words[at + 1] if at + 1 < len(words) else ""
    if following.lower() == "ago" or re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", following):
        return f"{words[at]} {following}", at + 2
    return words[at], at + 1


def fault(command: Command, word: str, sentence: str, *, last: bool = False) -> Fault:
    """A refusal with a caret under the word."""
    whole = [found.start() for found in re.finditer(rf"(?<!\S){re.escape(word)}(?!\S)", command.text)]
    places = whole or [command.text.find(word)]
    place = places[-1 if last else 0]
    if not word or place < 0:
        return Fault(f"{sentence}.", f"help {command.verb}")
    return fault_at(command, place, len(word), sentence)


def fault_at(command: Command, place: int, length: int, sentence: str) -> Fault:
    """A refusal with a caret at a place in the line."""
    begin = max(0, place - _SHOWN)
    line = "".join(
        sign if sign.isprintable() else " " for sign in command.text[begin : place + max(length, 1) + _SHOWN]
    )
    caret = " " * (place - begin) + "^" * max(1, min(length, _SHOWN))
    return Fault(f"{sentence}.", f"help {command.verb}", line=line, caret=caret)
