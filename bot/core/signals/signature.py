"""The stable name of a cause, from the exception type, the message with its values masked, and the raising function.

Some values differ each time (ids, hosts, dates, sizes), others distinguish causes (SQLSTATE, HTTP status, error codes,
table and column names). The latter are set aside first, the rest is masked, and then they are put back. `VERSION`
changes with the recipe, so that groups made under an older one aren't silently split.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

VERSION = 1
_MESSAGE_LIMIT = 2_000  # characters that are masked; bounds the work
_MASKED_LIMIT = 1_000  # characters of masked text; cut after masking, so that a value's length does not move the cut
_PASSES = 5
_HEX = r"[0-9a-fA-F]"
# One private-use character stands for each piece that was put aside; such characters in a message are removed.
_FIRST, _LAST = "\U000f0000", "\U000ffffd"
_ASIDE = re.compile(f"[{_FIRST}-{_LAST}]")

# In front of each pattern is a text without which it cannot match (`#` is any digit). Searching for that text is much
# cheaper than the pattern, and most messages need few patterns.
# These are kept as they are, because they distinguish causes. The whole match is put aside.
_KEEP = [
    (needed, re.compile(pattern))
    for needed, pattern in (
        ("SQLSTATE", r"\bSQLSTATE\W{0,3}[0-9A-Z]{5}\b"),
        ("#", r"\b(?:ORA|PLS|TNS|SP2|DPI|DPY|MY|PG|AWS|SQLCODE)-?\d{3,5}\b"),
        ("#", r"\b(?i:error ?code|errno|err|code|status(?:[ _]code)?|exit(?:ed)?(?: with)?(?: (?:return )?code| status)?"
         r"|return ?code|signal|HTTP(?:/\d(?:\.\d)?)?)\b[\s:=(\[#]{0,3}-?\d{1,5}\b"),
        (" Error", r"\b[1-5]\d\d (?:Client|Server) Error\b"),
        ("#", r"\b[1-5]\d\d (?:Bad Request|Unauthorized|Forbidden|Not Found|Method Not Allowed|Request Timeout|Conflict|Gone"
         r"|Unprocessable \w+|Too Many Requests|Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out)"),
        ("(", r"(?<!=)\(\d{4}(?=, ?[\"'<])"),  # MySQL's (1045, "Access denied …")
        ("SIG", r"\bSIG(?:KILL|TERM|SEGV|ABRT|INT|BUS|HUP)\b"),
        # the class in front of "object has no attribute"
        ("object has no attribute", r"[\"'][A-Za-z_][\w.]{0,80}[\"'](?= object has no attribute)"),
        # a quoted name after a word that introduces a name: relation "orders", column 'id', no attribute 'x'
        ("", r"(?i:\b(?:relation|table|column|constraint|index|schema|view|sequence|function|procedure|operator|module|package"
         r"|attribute|field|type|database|role|variable|connection|pool|dag|task|named?|from|import|argument|parameter"
         r"|keyword argument|method|class|object|KeyError:?)\s+)(?P<quote>[\"'`])[A-Za-z_][\w.$]{0,80}(?P=quote)"),
    )
]  # fmt: skip
# These are masked in this order: the longest and most specific forms first.
_MASKS = [
    ("(Background", re.compile(r"\(Background on this error at: [^)]*\)"), ""),
    ("[parameters", re.compile(r"\[parameters: .*?\](?=\s|$)", re.DOTALL), "[parameters]"),
    ("-", re.compile(rf"\b{_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}\b"), "<uuid>"),
    ("__", re.compile(r"\b(?:scheduled|manual|backfill|asset_triggered|dataset_triggered|slack)__\S+"), "<run>"),
    ("@", re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"), "<email>"),
    ("://", re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s'\"<>\\)]+", re.IGNORECASE), "<url>"),
    # dates and times in all usual forms
    ("#", re.compile(r"\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T _]\d{1,2}[:_]?\d{2}(?:[:_]?\d{2}(?:[.,]\d+)?)?)?"
                r"(?:\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?(?!\d)"), "<time>"),
    ("#", re.compile(r"\b\d{1,2}[./-]\d{1,2}[./-]\d{4}(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?\b"), "<time>"),
    ("#", re.compile(r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct"
                r"|Nov|Dec)[a-z]* \d{4}(?: \d{1,2}:\d{2}(?::\d{2})?)?(?: (?:GMT|UTC|[+-]\d{4}))?"), "<time>"),
    ("#", re.compile(r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]* )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
                r" \d{1,2},?(?: \d{4})?(?: \d{1,2}:\d{2}(?::\d{2})?)?(?: \d{4})?"), "<time>"),
    ("#", re.compile(r"\b\d{8}T\d{4,6}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?"), "<time>"),
    (":", re.compile(r"\b\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?(?:\s?[AP]M)?\b"), "<time>"),
    # addresses, hosts with ports
    ("#", re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5}|/\d{1,2})?\b"), "<address>"),
    (":", re.compile(rf"(?<![\w:])\[?(?:(?=[\da-fA-F:]*\d)(?=[\da-fA-F:]*::)[\da-fA-F:]{{3,39}}|(?:{_HEX}{{1,4}}:){{3,7}}"
                rf"{_HEX}{{1,4}})(?![\w:])\]?(?::\d{{1,5}})?"), "<address>"),
    (":", re.compile(r"(?<![\w.-])(?:[A-Za-z0-9](?:[\w-]{0,61}\w)?\.)*[A-Za-z0-9](?:[\w-]{0,61}\w)?:\d{2,5}\b"), "<host>"),
    ("=", re.compile(r"(?i)(?<=host=)(['\"])[^'\"]+\1"), "<host>"),
    ("#", re.compile(r"(?i)\b((?:tcp )?port)[ =:]*\d{1,5}"), r"\1 <n>"),
    # pods, containers, object addresses, hashes
    ("0x", re.compile(rf"\bat 0x{_HEX}+"), "at <object>"),
    ("0x", re.compile(rf"\b0x{_HEX}+\b"), "<hex>"),
    ("-", re.compile(r"(?<![\w-])([a-z][a-z0-9-]*?)-[a-f0-9]{8,10}-[a-z0-9]{5}\b"), r"\1-<pod>"),
    ("-", re.compile(r"(?<![\w-])([a-z][a-z0-9-]*?)-(?=[a-z0-9]{8}\b)(?=[a-z]*\d)[a-z0-9]{8}\b"), r"\1-<pod>"),
    ("#", re.compile(rf"\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F]){_HEX}{{8,}}\b"), "<hex>"),
    # paths; an object key with a date is one too
    ("/", re.compile(r"(?<![\w<])(?:~|\.{1,2})?(?:/[\w.@%+=:,-]+){2,}/?"), "<path>"),
    ("\\", re.compile(r"\b[A-Za-z]:\\[^\s\"']+"), "<path>"),
    ("/", re.compile(r"(?<![\w.=/%+-])[\w.=-]+(?:/[\w.=%+-]+)+\.(?:parquet|csv|json|avro|orc|gz|zst|txt|py|sql|xml|log"
                r"|ya?ml)\b"), "<path>"),
    ("=<time>", re.compile(r"\b[\w-]{1,80}=<time>(?:/[\w.=-]+)*"), "<path>"),
    # durations and sizes
    ("#", re.compile(r"\b\d+(?:[.,]\d+)?\s?(?:ms|us|µs|ns|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)\b"),
     "<duration>"),
    ("#", re.compile(r"\b\d{1,40}(?:[.,]\d{1,40}){0,8}\s?(?:[kKMGTP]i?B?|[Bb]ytes?|B)\b"), "<size>"),
    # quoted values; names in quotes were put aside before
    ("'", re.compile(f"'[^'\n{_FIRST}-{_LAST}]{{0,500}}'"), "<value>"),
    ('"', re.compile(f'"[^"\n{_FIRST}-{_LAST}]{{0,500}}"'), "<value>"),
    ("`", re.compile(r"`[^`\n]{0,500}`"), "<value>"),
    (")=(", re.compile(r"(?<=\)=)\([^)\n]{0,500}\)"), "<value>"),  # PostgreSQL's Key (id)=(90127)
    # any other number, also in a name: worker-3, part_0007, abc123; a single digit may be part of a name: s3, utf8
    ("#", re.compile(r"(?<![A-Za-z\d])[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?"), "<n>"),
    ("#", re.compile(r"(?<=[A-Za-z])\d{2,}"), "<n>"),
]  # fmt: skip
_SPACE = re.compile(r"\s+")
_FIGURE = re.compile(r"\d")
_FRAME = re.compile(r'^[ \t]*File "[^"\n]*", line \d+, in (\S+)', re.MULTILINE)
_FRAME_BEGINS = re.compile(r'^[ \t]+File "', re.MULTILINE)
_NOT_INDENTED = re.compile(r"^\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Signature:
    """`name` is twelve hexadecimal characters; `masked` is the masked message that went into it."""

    name: str
    masked: str


def mask(message: str) -> str:
    """The message with its values masked, on one line. The same cause gives the same text every time, and masked text
    stays as it is: masking is repeated until it changes nothing."""
    text = message[:_MESSAGE_LIMIT]
    for _ in range(_PASSES):
        masked = _mask_once(text)[:_MASKED_LIMIT].strip()
        if masked == text:
            break
        text = masked
    return text


@lru_cache(maxsize=2_048)  # every message of one cause is the same text on the second pass
def _mask_once(message: str) -> str:
    aside: list[str] = []

    def put_aside(match: re.Match[str]) -> str:
        aside.append(match.group())
        return chr(ord(_FIRST) + len(aside) - 1)

    def put_back(match: re.Match[str]) -> str:  # one may have been put aside inside another
        return _ASIDE.sub(put_back, aside[ord(match.group()) - ord(_FIRST)])

    text = _ASIDE.sub("", message)
    figures = _FIGURE.search(text) is not None
    for needed, pattern in _KEEP:
        if figures if needed == "#" else needed in text:
            text = pattern.sub(put_aside, text)
    for needed, pattern, replacement in _MASKS:
        if figures if needed == "#" else needed in text:
            text = pattern.sub(replacement, text)
    return _SPACE.sub(" ", _ASIDE.sub(put_back, text))


def raising_function(traceback: str) -> str:
    """The innermost frame's function; empty when the traceback names none."""
    frames = _FRAME.findall(traceback)
    return frames[-1] if frames else ""


def short_type(name: str) -> str:
    """`OperationalError` of `psycopg.errors.OperationalError`."""
    return name.rsplit(".", 1)[-1]


def sign(exception_type: str, message: str, traceback: str = "") -> Signature:
    """The signature of one exception. Line numbers play no part, so an edit above the raising line changes nothing."""
    masked = mask(message)
    recipe = "\n".join((str(VERSION), exception_type, masked, raising_function(traceback)))
    return Signature(hashlib.sha256(recipe.encode("utf-8", "replace")).hexdigest()[:12], masked)


def split_report(text: str) -> tuple[str, str, str]:
    """(type, message, traceback) of a text that a person pasted: `Type: message`, or a whole Python traceback, which
    ends in such lines."""
    plain = text.strip("\n")
    start = plain.find("Traceback (most recent call last):")
    if start > 0:
        head, traceback = plain[:start].strip(), plain[start:]
    elif start == 0:
        head, traceback = plain[_end_of_frames(plain) :].strip(), plain
    else:
        frames = _FRAME_BEGINS.search(plain)
        cut = frames.start() if frames else len(plain)
        head, traceback = plain[:cut].strip(), plain[cut:]
    found = re.match(r"([A-Za-z_][\w.]*)(?::\s?|$)", head)
    if not found:
        return "", head, traceback
    return found[1], head[found.end() :], traceback


def _end_of_frames(traceback: str) -> int:
    """Where the exception's own lines begin: the first line after the last frame that is not indented. The message may
    contain indented lines too, such as the caret under a wrong word of SQL."""
    last = max((frame.start() for frame in _FRAME_BEGINS.finditer(traceback)), default=traceback.find("\n") + 1)
    found = _NOT_INDENTED.search(traceback, last)
    return found.start() if found else len(traceback)
