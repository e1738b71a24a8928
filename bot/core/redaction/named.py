"""Values behind the names of secrets, whatever notation binds the two."""

import re

from bot.core.redaction.blocks import block_values
from bot.core.redaction.containers import values_at
from bot.core.redaction.names import KEYS, is_secret_name, kind_of
from bot.core.redaction.pairs import paired
from bot.core.redaction.values import LONGEST_VALUE, MASK, QUOTE, is_mixed, is_odd, is_random, value_at

_LONGEST_NAME = 120  # characters
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_NEXT_LINE = re.compile(r"\n[ \t]+(?![-#{\[])([^\s:=]{5,500})[ \t]*(?=\n|\Z)")
_WORD_BEFORE = re.compile(r"(\w{3,20}) \Z")
_IDENTIFIED = re.compile(r"(?i)\s+BY\s+(?:VALUES?\s+|PASSWORD\s+)?")
_COLOUR = r"(?:(?:\x1b|\\x1b|\\u001b|\\033)\[[0-9;]{0,12}m){0,3}"
_COLOUR_BEFORE = re.compile(r"(?:\x1b|\\x1b|\\u001b|\\033)\[[0-9;]{0,12}m")
_SIGN = re.compile(
    rf"[\])]{{0,2}}{_COLOUR}[ \t]{{0,3}}(=>|:=|==|[:=,>]|\\{{1,4}}(?:u003|x3)[adAD]|&#(?:x3[ad]|58|61);){_COLOUR}[ \t]{{0,3}}{_COLOUR}(?:N(?='))?"
)
# {'name': 'DB_PASSWORD', 'value': …}, - name: DB_PASSWORD\n  value: …, <name>x.secret.key</name><value>…
_PAIR = re.compile(
    r"(?i)(?:</name>\s*<value>|(?:,|;|\\+n|\s)[\s\\n,]{0,40}(?:--)?\\*[\"']?(?:value|defaultvalue|default|stringvalue)\\*[\"']?\s{0,3}[:=]\s{0,3})"
)
# A list in which a name is followed by its value: ('x-api-key', b'…'), - --password\n  - …
_NEXT_ITEM = re.compile(
    r"(?:\s|\\+[nr]){1,60}-\s{1,3}(?=\S)|\s{0,3}(?:\\\n|\n\s|\n(?=\S{1,500}(?:\n|\Z)))\s{0,60}(?=[^\s-])"
)
_COMMA = re.compile(r"\s{0,3},(?:\s|\\+[nr]){1,60}")
_KEY_ENDS = re.compile(r"\\*[\"']\s{0,3}:")
_FIRST_OF_TWO, _LAST_OF_TWO = re.compile(r"[(\[]\s{0,60}b?\\*[\"']\Z"), re.compile(r"\\*[\"'],?\s{0,60}[)\]]")
_SAID = re.compile(r"(?i)(?:is|was|set to|=)[ \t]+")


def without_named(text: str, places: "list[int]") -> str:
    """Values behind names of secrets. `places` are where such names may be."""
    parts, done, position, size = list[str](), 0, 0, len(text)
    for place in places:
        if place < position:
            continue
        left = right = place
        while left > done and text[left - 1] in _NAME and place - left < _LONGEST_NAME:
            left -= 1
        while right < size and text[right] in _NAME and right - place < _LONGEST_NAME:
            right += 1
        while right > place and text[right - 1] in ".-":
            right -= 1
        if text[left - 1 : left] == "\\" and text[left] in "nrt":  # the end of a line as it is written in a repr
            left += 1
        if "m" in text[left:place] and (colour := _COLOUR_BEFORE.search(text, max(0, left - 16), place)):
            left = max(left, colour.end())
        position = right
        for begin, end in _values_of(text, left, right):
            if begin >= done and not text.startswith(MASK, begin):
                parts += [text[done:begin], MASK]
                done, position = end, max(position, end)
    return "".join(parts) + text[done:]


def _values_of(text: str, left: int, right: int) -> "list[tuple[int, int]]":
    """Where the values stand that belong to the name at this place; none when it is no secret's."""
    name = text[left:right]
    kind = kind_of(name)
    if not kind and name.lower() == "key" and text[left - 1 : left] == " ":
        before = _WORD_BEFORE.search(text, max(0, left - 30), left)
        kind = "spaced" if before is not None and before[1].lower() in KEYS else ""
    if not kind:
        return []
    if kind == "identified":
        match = _IDENTIFIED.match(text, right)
        return values_at(text, match.end(), name, kind="sure") if match else []
    quote = QUOTE.match(text, right)
    quoted = quote is not None and left > 0 and (text[left - 1] == quote[0][-1] or text.endswith(quote[0], 0, left))
    begun = quote is not None and text[left - 1 : left] != " "  # its first quote was cut off: `password":"…`
    after = quote.end() if quote is not None and (quoted or begun) else right
    pair = _PAIR.match(text, after)
    if pair is not None:
        return values_at(text, pair.end(), name, kind="sure")
    beside = paired(text, left, right, name, kind)
    if beside:
        return beside
    dashed = _is_option(text, left)
    item = _NEXT_ITEM.match(text, after) if dashed else None
    sign = _SIGN.match(text, after) if item is None else None
    if item is not None:
        return values_at(text, item.end(), name, kind="sure")
    if sign is None:
        if beside is not None and quoted:
            return []
        return _next_item(text, left, after, name, dashed) if quoted else _unsigned(text, left, right, name, kind)
    if sign[1] == ",":
        return _next_item(text, left, after, name, dashed) if quoted and beside is None else []
    if sign[1] == ">":
        end = text.find("<", sign.end(), sign.end() + LONGEST_VALUE)
        tag = end > sign.end() and text[left - 1 : left] in {"<", ":", '"', "'"}
        return [(sign.end(), end)] if tag else []
    if sign[1] == ":" and text[sign.end() : sign.end() + 1] in _BLOCKS:
        block = block_values(text, left, sign.end(), name, "sure" if kind == "token" else kind)
        if block is not None:
            return block or _on_the_next_line(text, sign.end(), name)
    in_a_sentence = sign[1] == ":" and not quoted and sign[0].endswith(" ")
    usual = "sure" if kind in {"spaced", "token"} else kind
    return values_at(text, sign.end(), name, kind=_SPOKEN.get(kind, usual) if in_a_sentence else usual)


def _is_option(text: str, left: int) -> bool:
    return text.startswith("--", left) or (text[left] == "-" and not text[left - 1 : left].strip("\"' \t\n"))


def _next_item(text: str, left: int, after: int, name: str, dashed: bool) -> "list[tuple[int, int]]":
    """The next text of a list: behind an option, on the same line, or as the second of two."""
    comma = _COMMA.match(text, after)
    if comma is None or not QUOTE.match(text, comma.end() + (text[comma.end() : comma.end() + 1] == "b")):
        return []
    span = value_at(text, comma.end(), name, kind="sure")
    if span is None or _KEY_ENDS.match(text, span[1]) or (not dashed and is_secret_name(text[span[0] : span[1]])):
        return []
    if dashed or "\n" not in comma[0]:
        return [span]
    first = _FIRST_OF_TWO.search(text, max(0, left - 70), left)
    return [span] if first is not None and _LAST_OF_TWO.match(text, span[1]) else []


_BLOCKS = frozenset("\n\r\\|>!&")
_SPOKEN = {"spaced": "spaced", "token": "loose"}  # `invalid API key: …`, `unexpected token: FROM`


def _on_the_next_line(text: str, at: int, name: str) -> "list[tuple[int, int]]":
    line = _NEXT_LINE.match(text, at)
    if line is None or not (is_random(line[1]) or is_odd(line[1])):
        return []
    return values_at(text, line.start(1), name, kind="sure")


def _unsigned(text: str, left: int, right: int, name: str, kind: str) -> "list[tuple[int, int]]":
    """`--password X`, `PASSWORD 'X'`, `password is X`: no sign stands between the name and the value."""
    if text[right : right + 1] not in {" ", "\t"}:
        return []
    start = right
    while text[start : start + 1] in {" ", "\t"} and start - right < 4:
        start += 1
    if _is_option(text, left):
        if text[start : start + 1] in {"-", "", "\n"} or text.startswith(
            name.strip("-").upper().replace("-", "_"), start
        ):
            return []  # `--password PASSWORD` is how a program is used
        return values_at(text, start, name, kind="sure")
    said = _SAID.match(text, start)
    span = value_at(text, said.end() if said else start, name, kind="spaced" if kind == "spaced" else "sure")
    if span is None:
        return []
    value, passes = text[span[0] : span[1]], "pass" in name.lower() or "pwd" in name.lower()
    if passes and (QUOTE.match(text, said.end() if said else start) or (said and is_odd(value))):
        return [span]
    return [span] if is_random(value) and (is_mixed(value) or passes) else []
