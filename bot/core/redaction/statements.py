"""Values whose name stands elsewhere: SQL literals behind a column list, parameters of a statement, what pydantic quotes."""

import re

from bot.core.redaction.names import is_secret_name, kind_of
from bot.core.redaction.values import MASK, closing, value_at

_BEFORE_A_NAME = re.compile(r"[\s('\"]")
_LITERAL = re.compile(r"'((?:[^'\\\n]|\\.){1,2000})'(?!\s*:)")


def without_columns(text: str) -> str:
    """Literals behind a column list, and the parameters of a statement that names a secret's column."""
    parts, done = list[str](), 0
    for found in re.finditer(r"(?i)\(([\w\s,.\"`\[\]]{3,2000})\)\s*(?:output\s[^()]{0,200})?values\s*(?=\()", text):
        columns = [part.strip(' \t\n"`[]') for part in found[1].split(",")]
        hidden = {place for place, column in enumerate(columns) if is_secret_name(column)}
        if not hidden or found.start() < done:
            continue
        for begin, end in _items(text, found.end(), hidden):
            parts += [text[done:begin], MASK]
            done = end
    text = "".join(parts) + text[done:]
    parts, done, seen = [], 0, 0
    for found in re.finditer(r"\[parameters: (?=[(\[])", text):
        sql = text[max(text.rfind("[SQL:", seen, found.start()), seen, found.start() - 4_000) : found.start()]
        stop = text.find("\n", found.end())
        following = text.find("[parameters: ", found.end(), stop if stop > 0 else len(text))
        seen = min(at for at in (stop, following, len(text)) if at > 0)
        names = re.findall(r"[A-Za-z_][\w$]{2,80}", sql)
        if not any(is_secret_name(name) for name in names):
            continue
        for literal in _LITERAL.finditer(text, found.end(), seen):
            if not literal[1].startswith(MASK):
                parts += [text[done : literal.start(1)], MASK]
                done = literal.end(1)
    return "".join(parts) + text[done:]


def without_inputs(text: str) -> str:
    """What pydantic quotes of the field that it names on the line above."""
    parts, done = list[str](), 0
    for found in re.finditer(r"\binput_value=(?=[\"'])", text):
        if found.end() < done:
            continue
        above = text.rfind("\n", max(0, found.start() - 500), found.start())
        field = _BEFORE_A_NAME.split(text[max(0, above - 200) : max(0, above)])[-1].rsplit(".", 1)[-1]
        span = value_at(text, found.end(), field, kind="sure") if kind_of(field) else None
        if span is not None and not text.startswith(MASK, span[0]):
            parts += [text[done : span[0]], MASK]
            done = span[1]
    return "".join(parts) + text[done:]


def _items(text: str, at: int, wanted: "set[int]") -> "list[tuple[int, int]]":
    """The literals at these places of the tuples that begin here: `('a', 'b'), ('c', 'd')`."""
    spans, size = list[tuple[int, int]](), len(text)
    while at < size and text[at] == "(":
        place, at = 0, at + 1
        while at < size and text[at] != ")":
            while at < size and text[at] in " \t\n":
                at += 1
            begin = at
            if at < size and text[at] in "'\"":
                at = closing(text, at + 1, text[at])
                if place in wanted and at > begin + 1 and not text.startswith(MASK, begin + 1):
                    spans.append((begin + 1, at))
                at += 1
            while at < size and text[at] not in ",)":
                at += 1
            if at < size and text[at] == ",":
                place, at = place + 1, at + 1
        at += 1
        more = re.compile(r"\s*,\s*(?=\()").match(text, at)
        at = more.end() if more else size
    return spans
