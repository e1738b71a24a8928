"""Values of YAML on lines of their own: block scalars, lists and mappings below a name, the data of a Kubernetes Secret."""

import re

from bot.core.redaction.containers import is_leaf, is_vague, values_at
from bot.core.redaction.names import is_beside
from bot.core.redaction.values import LONGEST_VALUE, MASK, QUOTE, closing, is_no_value, is_odd

_TAGS = re.compile(r"(?:(?:!{1,2}[\w:./-]{0,40}|&[\w-]{1,40})[ \t]{1,3}){1,2}(?=\S)")
_INDICATOR = re.compile(r"[|>][0-9+-]{0,2}[ \t]{0,3}(?=\r?\n|(?:\\{1,4}r)?\\{1,4}n)")
_BREAK = re.compile(r"[ \t]{0,3}(?:\r?\n|(?:\\{1,4}r)?\\{1,4}n)")
_LINE = re.compile(
    r"([ \t]*)((?:-[ \t]{1,3})*)([\"']?[\w.][\w./ -]{0,80}[\"']?[ \t]{0,3}:(?=\s|\\{1,4}[rn]|\Z)[ \t]{0,3})?"
)
_LINE_ENDS = re.compile(r"\r?\n|(?:\\{1,4}r)?\\{1,4}n|\Z")
_SECRET_KIND = re.compile(r"\bkind\\*[\"']?\s{0,3}:\s{0,3}\\*[\"']?Secret\b")
_DATA = re.compile(r"(?<![\w.])(?:stringData|data)\\*[\"']?\s{0,3}:[ \t]{0,3}")
_MOST_LINES = 400


def block_values(text: str, left: int, at: int, name: str, kind: str) -> "list[tuple[int, int]] | None":
    """The values below this name or behind a tag, None where the value is a plain one that begins here."""
    tags = _TAGS.match(text, at)
    at = tags.end() if tags else at
    indicator = _INDICATOR.match(text, at)
    if indicator is not None:
        begin, end = _scalar(text, indicator.end(), _indent(text, left))
        return [] if begin >= end or is_no_value(text[begin:end], name, kind=kind, quoted=True) else [(begin, end)]
    if _BREAK.match(text, at):
        return _below(text, at, _indent(text, left), name, kind)
    return values_at(text, at, name, kind=kind) if tags else None


def without_manifests(text: str) -> str:
    """Kubernetes Secrets without their data."""
    documents = text.split("\n---")
    return "\n---".join([_manifest(one) if _SECRET_KIND.search(one) else one for one in documents])


def _manifest(text: str) -> str:
    parts, done = list[str](), 0
    for data in _DATA.finditer(text):
        if data.start() < done:
            continue
        if _BREAK.match(text, data.end()):
            spans = _below(text, data.end(), _indent(text, data.start()), "data", "all")
        else:
            spans = values_at(text, data.end(), "data", kind="all") if text[data.end() : data.end() + 1] == "{" else []
        for begin, end in spans:
            if begin >= done and not text.startswith(MASK, begin):
                parts += [text[done:begin], MASK]
                done = end
    return "".join(parts) + text[done:]


def _indent(text: str, at: int) -> int:
    """How far the line of this place is indented."""
    first = max(0, at - 300)
    written = text.rfind("\\n", first, at)
    begin = max(text.rfind("\n", first, at) + 1, written + 2 if written >= 0 else 0)
    return len(text[begin:at]) - len(text[begin:at].lstrip(" \t"))


def _scalar(text: str, at: int, indent: int) -> "tuple[int, int]":
    """A block scalar: the lines that are indented further than this."""
    begin = end = limit = min(len(text), at + LONGEST_VALUE)
    for _ in range(_MOST_LINES):
        line_break = _BREAK.match(text, at, limit)
        if line_break is None:
            break
        line = _LINE_ENDS.search(text, line_break.end(), limit)
        stop = line.start() if line else limit
        content = text[line_break.end() : stop]
        if content.strip():
            if len(content) - len(content.lstrip(" \t")) <= indent:
                break
            begin = min(begin, stop - len(content.lstrip(" \t")))
            end = stop
        at = stop
    return (begin, end) if begin < limit else (at, at)


def _below(text: str, at: int, indent: int, name: str, kind: str) -> "list[tuple[int, int]]":
    """The values in the list or the mapping that is indented further than this, or as far where it is a list."""
    listed = name.lower().endswith("passwords")
    spans, key, vague, limit = list[tuple[int, int]](), "", is_vague(name), min(len(text), at + LONGEST_VALUE)
    for _ in range(_MOST_LINES):
        line_break = _BREAK.match(text, at, limit)
        line = _LINE.match(text, line_break.end(), limit) if line_break else None
        if line is None:
            break
        ends = _LINE_ENDS.search(text, line.end(), limit)
        stop = ends.start() if ends else limit
        depth = len(line[1])
        if line[0] == line[1] and line.end() == stop:  # an empty line
            at = stop
            continue
        if depth < indent or (depth == indent and not line[2]):
            break
        if not (line[2] or line[3]):
            break
        key = line[3].split(":")[0].strip("\"' \t") if line[3] else key
        begin, at = line.end(), stop
        tags = _TAGS.match(text, begin, stop)
        begin = tags.end() if tags else begin
        hidden = kind == "all" or not is_beside(key)
        if _INDICATOR.match(text, begin):
            span = _scalar(text, stop, depth)
            spans += [span] if hidden and not vague and span[0] < span[1] else []
            at = max(at, span[1])
        elif hidden and begin < stop:
            quote = QUOTE.match(text, begin)
            inner = quote.end() if quote else begin
            end = min(stop, closing(text, inner, quote[0])) if quote else begin + len(text[begin:stop].rstrip())
            value = text[inner:end]
            if not quote and kind != "all" and " " in value:  # a sentence, or a value with a remark
                value, end = value.split(" ")[0], inner + value.index(" ")
                hidden = is_odd(value)
            if hidden and is_leaf(value, name, key, kind, listed or bool(quote), vague, bool(line[3])):
                spans.append((inner, end))
    return spans
