"""Lists and objects as a secret's value: `{"api_keys": ["…"]}`, `{"password": {"value": "…", "version": 3}}`."""

import re

from bot.core.redaction.names import is_beside, is_secret_name
from bot.core.redaction.values import LONGEST_VALUE, MASK, closing, is_mixed, is_no_value, is_random, value_at

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_DEEPEST, _MOST_PARTS = 6, 100
# A text that was broken into several: 'abc'\n 'def'
_CONTINUED = re.compile(r"([\"'])[ \t]{0,2}\n[ \t]{1,80}b?\1")
_PIECE = re.compile(r"[()\[\]{}]|b?(\\{0,30}[\"'])|[^\s()\[\]{},:=\"'\\]+")
_KEY_FOLLOWS = re.compile(r"\\*[\"']?\s{0,3}(?:=>|[:=])")
_SENTENCE = re.compile(r"(?:[A-Z][a-z']+|must|should|is|may|cannot|field|value|ensure)(?: [\w'-]+){2,40}[.!]?\Z")
_VAGUE = re.compile(r"(?i)(?:secrets|credentials?|creds)\Z|\Asecret\Z")


def values_at(text: str, start: int, name: str, *, kind: str) -> "list[tuple[int, int]]":
    """The value that begins here, or every one of them in a list or an object."""
    if text[start : start + 1] in _CLOSING:
        return _texts_in(text, start, name, kind)
    span = value_at(text, start, name, kind=kind)
    if span is None:
        return []
    spans = [span]
    while (more := _CONTINUED.match(text, spans[-1][1])) and len(spans) < _MOST_PARTS:
        begin = more.end()
        spans.append((begin, closing(text, begin, more[1])))
    return spans


def _texts_in(text: str, at: int, name: str, kind: str) -> "list[tuple[int, int]]":
    spans, open_, key, limit = list[tuple[int, int]](), list[str](), "", min(len(text), at + LONGEST_VALUE)
    low, vague = name.lower(), is_vague(name)
    if text[at] == "{" and ("pwd" in low or "pass" in low):  # the braces of a driver's connection string
        end = text.find("}", at, limit)
        if end > at + 1 and not any(sign in "'\":{} " for sign in text[at + 1 : end]):
            return [(at + 1, end)]
    if text.startswith(("{{", "{%"), at) or text.startswith("%", at + 1):
        return []
    while at < limit and (piece := _PIECE.search(text, at, limit)):
        at, sign = piece.end(), piece[0]
        if sign in _CLOSING:
            open_.append(_CLOSING[sign])
            if len(open_) > _DEEPEST:
                break
            continue
        if sign == open_[-1]:
            open_.pop()
            if not open_:
                break
            continue
        begin, end, at = _extent(text, piece)
        quoted = piece[1] is not None
        if not quoted and text[end : end + 1] == "(":  # a call
            continue
        value, following = text[begin:end], _KEY_FOLLOWS.match(text, end)
        if following is not None and open_[-1] != "]":
            key, at = value, following.end()
            continue
        if (kind == "all" or not is_beside(key)) and is_leaf(value, name, key, kind, quoted, vague, open_[-1] == "}"):
            spans.append((begin, end))
        if open_[-1] == "}":
            key = ""
    return spans


def _extent(text: str, piece: "re.Match[str]") -> "tuple[int, int, int]":
    """Where a text or a word begins and ends, and where what follows it begins."""
    if piece[1] is None:
        return piece.start(), piece.end(), piece.end()
    end = closing(text, piece.end(), piece[1])
    return piece.end(), end, end + len(piece[1])


def is_vague(name: str) -> bool:
    """`secrets` and `credentials` may hold other things too."""
    return bool(_VAGUE.search(name))


def is_leaf(value: str, name: str, key: str, kind: str, quoted: bool, vague: bool, in_object: bool) -> bool:
    """Whether this is a secret in a list or an object, in which it stands behind this key."""
    if kind == "all":
        return bool(value.strip()) and not value.strip().startswith(MASK)
    if not value.strip() or is_no_value(value, name, kind=kind, quoted=quoted) or _SENTENCE.match(value):
        return False
    if is_secret_name(key):
        return True
    if vague and (in_object or is_secret_name(value)):
        return is_random(value) and any(sign.isdigit() for sign in value) and not any(sign in value for sign in "/:.")
    return quoted or (len(value) > 4 and is_mixed(value))
