"""Values behind the names of secrets, whatever notation binds the two."""

import re

from bot.core.redaction.names import KEYS, kind_of
from bot.core.redaction.values import LONGEST_VALUE, MASK, QUOTE, is_mixed, is_odd, is_random, value_at

_LONGEST_NAME = 120  # characters
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_NEXT_LINE = re.compile(r"\n[ \t]+(?![-#{\[])([^\s:=]{5,500})[ \t]*(?=\n|\Z)")
_WORD_BEFORE = re.compile(r"(\w{3,20}) \Z")
_IDENTIFIED = re.compile(r"(?i)\s+BY\s+(?:VALUES?\s+|PASSWORD\s+)?")
_SIGN = re.compile(r"[\])]{0,2}[ \t]{0,3}(=>|:=|==|[:=,>])[ \t]{0,3}(?:N(?='))?")
# {'name': 'DB_PASSWORD', 'value': …}, - name: DB_PASSWORD\n  value: …, <name>x.secret.key</name><value>…
_PAIR = re.compile(
    r"(?i)(?:</name>\s*<value>|(?:,|;|\\+n|\s)[\s\\n,-]{0,40}\\*[\"']?(?:value|defaultvalue|default|stringvalue)\\*[\"']?\s{0,3}[:=]\s{0,3})"
)
_PAIRED_BEFORE = re.compile(
    r"(?i)(value\\*[\"']?\s{0,3}[:=]\s{0,3}b?\\*[\"'])([^\"'\n\\]{1,250})\\*[\"']\s{0,3},\s{0,3}\\*[\"']?(?:name|key)\\*[\"']?\s{0,3}[:=]\s{0,3}\\*[\"']\Z"
)
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
        position = right
        span = _value_of(text, left, right)
        if span is None or span[0] < done or text.startswith(MASK, span[0]):
            continue
        parts += [text[done : span[0]], MASK]
        done = position = span[1]
    return "".join(parts) + text[done:]


def _value_of(text: str, left: int, right: int) -> "tuple[int, int] | None":
    """Where the value stands that belongs to the name at this place; None when it is no secret's."""
    name = text[left:right]
    kind = kind_of(name)
    if not kind and name.lower() == "key" and text[left - 1 : left] == " ":
        before = _WORD_BEFORE.search(text, max(0, left - 30), left)
        kind = "spaced" if before is not None and before[1].lower() in KEYS else ""
    if not kind:
        return None
    if kind == "identified":
        match = _IDENTIFIED.match(text, right)
        return value_at(text, match.end(), name, kind="sure") if match else None
    quote = QUOTE.match(text, right)
    quoted = quote is not None and left > 0 and (text[left - 1] == quote[0][-1] or text.endswith(quote[0], 0, left))
    begun = quote is not None and text[left - 1 : left] != " "  # its first quote was cut off: `password":"…`
    after = quote.end() if quote is not None and (quoted or begun) else right
    pair = _PAIR.match(text, after)
    if pair is not None:
        return value_at(text, pair.end(), name, kind="sure")
    if quoted:
        before = _PAIRED_BEFORE.search(text, max(0, left - 300), left)
        if before is not None:
            return before.start(2), before.end(2)
    sign = _SIGN.match(text, after)
    if sign is None:
        return None if quoted else _unsigned(text, left, right, name, kind)
    if sign[1] == ",":
        return value_at(text, sign.end(), name, kind="sure") if quoted and QUOTE.match(text, sign.end()) else None
    if sign[1] == ">":
        end = text.find("<", sign.end(), sign.end() + LONGEST_VALUE)
        return (sign.end(), end) if end > sign.end() and text[left - 1 : left] in {"<", ":", '"', "'"} else None
    if sign[1] == ":" and text[sign.end() : sign.end() + 1] == "\n":
        return _on_the_next_line(text, sign.end(), name)
    in_a_sentence = sign[1] == ":" and not quoted and sign[0].endswith(" ")
    usual = "sure" if kind in {"spaced", "token"} else kind
    return value_at(text, sign.end(), name, kind=_SPOKEN.get(kind, usual) if in_a_sentence else usual)


_SPOKEN = {"spaced": "spaced", "token": "loose"}  # `invalid API key: …`, `unexpected token: FROM`


def _on_the_next_line(text: str, at: int, name: str) -> "tuple[int, int] | None":
    line = _NEXT_LINE.match(text, at)
    if line is None or not (is_random(line[1]) or is_odd(line[1])):
        return None
    return value_at(text, line.start(1), name, kind="sure")


def _unsigned(text: str, left: int, right: int, name: str, kind: str) -> "tuple[int, int] | None":
    """`--password X`, `PASSWORD 'X'`, `password is X`: no sign stands between the name and the value."""
    if text[right : right + 1] not in {" ", "\t"}:
        return None
    start = right
    while text[start : start + 1] in {" ", "\t"} and start - right < 4:
        start += 1
    if name.startswith("--") or text[max(0, left - 2) : left] == "--":
        return None if text[start : start + 1] in {"-", "", "\n"} else value_at(text, start, name, kind="sure")
    said = _SAID.match(text, start)
    span = value_at(text, said.end() if said else start, name, kind="spaced" if kind == "spaced" else "sure")
    if span is None:
        return None
    value, passes = text[span[0] : span[1]], "pass" in name.lower() or "pwd" in name.lower()
    if passes and (QUOTE.match(text, said.end() if said else start) or (said and is_odd(value))):
        return span
    return span if is_random(value) and (is_mixed(value) or passes) else None
