"""Values in columns that a header names, and in tables of names and values: CSV, Markdown, what databases' clients print."""

import re

from bot.core.redaction.names import kind_of
from bot.core.redaction.values import MASK, is_no_value, is_odd

_CELL_ENDS = re.compile(r"[\w.-]*\"?(?:\x1b\[[0-9;]{0,12}m)?[ \t]{0,60}(?:[,;\t|│┃\r\n]|\\n|\Z)")
_NEWLINE = re.compile(r"\r?\n|(?:\\{1,4}r)?\\{1,4}n")
_RULE = re.compile(r"[ \t(]*[|+├╞┣│]?[-=+|: ─┼━╪╋│]{3,}\s*\Z")
_NO_ROW = re.compile(r"(?i)\s*(?:from|where|values|join|and|order|group|set|select|union)\b|[^,;]*:\s|\s*\Z")
_COLUMN = re.compile(r"\"?[A-Za-z_][\w.-]*\"?\Z")
_CELL = re.compile(r"\x1b?[\w.-]+\Z")
_TYPE = re.compile(r"[a-z]+\(\d+\)\Z")
_LONGEST, _NEAR, _MOST_ROWS = 2_000, 200, 500  # characters of a line and around a name, lines of a table


def without_tables(text: str, places: "list[int]") -> str:
    """The cells in columns of secrets, and the cell beside a secret's name in a table of two columns."""
    parts, done, read = list[str](), 0, 0
    for place in places:
        if place < read or not _CELL_ENDS.match(text, place):
            continue
        first = max(0, place - _LONGEST)
        written = text.rfind("\\n", first, place)
        begin = max(text.rfind("\n", first, place) + 1, written + 2 if written >= 0 else 0)
        if begin < first or len(_line(text, begin)[0]) >= _LONGEST:  # a long line: what is near to the name
            begin, limit = max(begin, place - _NEAR), 2 * _NEAR
        else:
            limit = _LONGEST
        spans, read = _of_header(text, max(begin, min(read, place)), limit)
        for start, end in spans:
            if start >= done:
                parts += [text[done:start], MASK]
                done = end
    return "".join(parts) + text[done:] if parts else text


def _of_header(text: str, begin: int, limit: int) -> "tuple[list[tuple[int, int]], int]":
    """The secret cells below the line that begins here, or beside the name in it; and where the next line to look at begins."""
    line, following = _line(text, begin, limit)
    ends = begin + len(line)
    sign = next((one for one in "|│┃" if one in line), "")
    if not sign:
        line, sign = _listed(line)
        cells = _cells(line, 0, sign) if sign else []
    else:
        cells = _cells(line, 0, sign)
        if not _RULE.match(_line(text, following)[0]):
            return _beside(line, cells, begin), ends
        following = _line(text, following)[1]
    kinds = {n: kind for n, (a, b) in enumerate(cells) if (kind := kind_of(line[a:b]))}
    spans, at = list[tuple[int, int]](), following
    for _ in range(_MOST_ROWS if kinds and following < len(text) else 0):
        line, following = _line(text, at)
        row = _cells(line, at, sign)
        if _RULE.match(line) and sign not in ",;\t":
            row = cells
        elif len(row) != len(cells) or (sign in ",;\t" and _NO_ROW.match(line)):
            break
        else:
            spans += [row[n] for n, kind in kinds.items() if _is_in_cell(text[row[n][0] : row[n][1]], kind)]
        if following <= at:
            break
        at = following
    return spans, max(ends, at if kinds else 0)


def _listed(line: str) -> "tuple[str, str]":
    """The names at the end of a line that nothing but a sign is between, and the sign."""
    line = line.rstrip(" ")
    for sign in ",;\t":
        at = len(line) if sign in line else 0
        while at and (line[at - 1].isalnum() or line[at - 1] in {"_", ".", "-", '"', sign}):
            at -= 1
        names = line[at:].strip(sign).split(sign)
        if len(names) > 1 and (at == 0 or line[at - 1] in " :>([='") and all(_COLUMN.match(name) for name in names):
            return line[at:].strip(sign), sign
    return "", ""


def _line(text: str, begin: int, limit: int = _LONGEST) -> "tuple[str, int]":
    """The line that begins here, and where the next one does."""
    newline = _NEWLINE.search(text, begin, begin + limit)
    if newline is None:
        return text[begin : begin + limit], min(len(text), begin + limit)
    return text[begin : newline.start()], newline.end()


def _cells(line: str, offset: int, sign: str) -> "list[tuple[int, int]]":
    """Where the cells of a line are, without the space and the quotes around them."""
    spans, at = list[tuple[int, int]](), 0
    while at <= len(line):
        end = line.find('"', at + 1) if line[at : at + 1] == '"' else at
        end = line.find(sign, max(end, at))
        end = len(line) if end < 0 else end
        cell = line[at:end]
        begin = at + len(cell) - len(cell.lstrip('" \t'))
        spans.append((offset + begin, offset + max(begin, at + len(cell.rstrip('" \t')))))
        at = end + 1
    return spans


def _beside(line: str, cells: "list[tuple[int, int]]", offset: int) -> "list[tuple[int, int]]":
    """The value in a row of a name and a value."""
    filled = [(a, b) for a, b in (cells[1:-1] if len(cells) > 3 else cells) if a < b]
    if len(filled) != 2 or not line[filled[0][1] :].lstrip()[:1]:
        return []
    (a, b), (begin, end) = filled
    name, value = line[a:b].rsplit(" ", 1)[-1], line[begin:end]
    kind = kind_of(name) if _CELL.match(name) and (" " in line[b:begin] or len(cells) > 3) else ""
    odd = is_odd(value) and not value.isdigit() and " " not in value and not _TYPE.match(value)
    return [(offset + begin, offset + end)] if kind and odd and _is_in_cell(value, kind) else []


def _is_in_cell(value: str, kind: str) -> bool:
    return (
        bool(value)
        and not value.startswith(MASK)
        and not is_no_value(value, "", kind="random" if kind == "token" else kind, quoted=True)
    )
