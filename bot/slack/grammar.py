"""The grammar of a slash command: a verb, a REF, then options in words or as flags.

Hard case: what editors make of plain text (curly quotes, long dashes, a pasted link in angle brackets). It is made plain
first. Rule: parsing knows nothing of Airflow; what a name means is found later, by asking.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

from bot.core.errors import Refused

_TYPOGRAPHY = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'",
                             "—": "--", "–": "--", "−": "-", "\u00a0": " ", "\u202f": " ", "…": "..."})  # fmt: skip
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)")
_TOKEN = re.compile(r'[\w.-]+=(?:"[^"]*"|\'[^\']*\')|"[^"]*"|\'[^\']*\'|\S+')
_INCIDENT = re.compile(r"[Aa]-?(\d{1,9})")
_REF = re.compile(r"(?:(?P<deployment>[\w-]+):)?(?P<name>[^\s@\[\]:]+)(?:\[(?P<index>\d+)\])?(?:@(?P<run>\S+))?")


@dataclass(frozen=True, slots=True)
class Ref:
    """What somebody pointed at. `name` is `dag` or `dag.task` as written; `task` is set only where a link told it apart."""

    incident: int | None = None
    deployment: str = ""
    name: str = ""
    task: str = ""
    map_index: int | None = None
    run: str = ""
    host: str = ""  # of a pasted link


@dataclass(frozen=True, slots=True)
class Command:
    """One parsed line. `words` are what follows the verb, in order and unquoted; `text` is the line as it was meant."""

    verb: str
    words: tuple[str, ...] = ()
    text: str = ""
    flags: frozenset[str] = field(default_factory=frozenset)

    @property
    def rest(self) -> str:
        return " ".join(self.words)


def parse(line: str) -> Command:
    """The verb in lower case, and its words. An empty line asks for help."""
    text = line.translate(_TYPOGRAPHY).strip()
    tokens = [_plain(found) for found in _TOKEN.findall(text)]
    if not tokens:
        return Command("help", text=text)
    flags = frozenset(word[2:].lower() for word in tokens[1:] if word.startswith("--") and len(word) > 2)
    words = tuple(word for word in tokens[1:] if not word.startswith("--") or word == "--")
    return Command(tokens[0].lower(), words, text, flags)


def _plain(token: str) -> str:
    if len(token) >= 2 and token[0] == token[-1] and token[0] in "\"'":
        return token[1:-1]
    if token.startswith("<") and token.endswith(">"):  # a link as Slack sends it: <https://…|label>
        return token[1:-1].split("|", 1)[0]
    return token.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")


def ref(word: str) -> Ref | Refused:
    """A REF from one word: A-12, dag, dag.task, dag.task[7], dag@run, a pasted Airflow link, each with prod: in front."""
    if found := _INCIDENT.fullmatch(word):
        return Ref(incident=int(found[1]))
    if "://" in word:
        return _link(word)
    found = _REF.fullmatch(word)
    if not found:
        return Refused(f"`{word[:80]}` is no REF.", "help")
    index = found["index"]
    return Ref(
        deployment=found["deployment"] or "", name=found["name"], map_index=int(index) if index else None,
        run=found["run"] or "",
    )  # fmt: skip


def _link(word: str) -> Ref | Refused:
    """A link of Airflow 3 (`/dags/D/runs/R/tasks/T/mapped/7`) or 2 (`/dags/D/grid?dag_run_id=R&task_id=T&map_index=7`)."""
    parts = urlsplit(word)
    path = [unquote(part) for part in parts.path.split("/") if part]
    if "dags" not in path or path.index("dags") + 1 >= len(path):
        return Refused("That link shows no DAG.", "help")
    named = path[path.index("dags") + 1 :]
    pairs = dict(zip(named[1::2], named[2::2], strict=False))
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    index = pairs.get("mapped") or query.get("map_index") or ""
    task = pairs.get("tasks") or query.get("task_id") or ""
    run = pairs.get("runs") or query.get("dag_run_id") or query.get("run_id") or ""
    return Ref(
        name=named[0], task=task.removeprefix("group/"), run=run,
        map_index=int(index) if index.isdecimal() else None, host=parts.netloc,
    )  # fmt: skip


def duration(word: str) -> timedelta | None:
    """`30m`, `2h`, `1h30m`, `7d`; None when it is no duration."""
    if not re.fullmatch(rf"(?:{_DURATION.pattern})+", word.lower()):
        return None
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(word.lower()))
    return timedelta(seconds=seconds)
