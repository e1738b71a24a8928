"""Private keys, whole and in pieces."""

import re

from bot.core.redaction.values import MASK

_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BASE64 = re.compile(
    r"(?:[A-Za-z0-9+/=\s]|\\+[nr])*(?:(?:Proc-Type|DEK-Info|Version|Comment): [^\n]{1,80}\n(?:[A-Za-z0-9+/=\s]|\\+[nr])*){0,4}"
)


def without_private_keys(text: str) -> str:
    """Whole blocks, and what is left of one that was cut: base64 behind a BEGIN, and in front of an END."""
    parts, done, at = list[str](), 0, 0
    end = _END.search(text)
    for begin in _BEGIN.finditer(text):
        if begin.start() < done:
            continue
        while end is not None and end.start() < begin.end():
            left = _back_over_base64(text, end.start(), done)
            parts += [text[done:left], MASK]
            done = end.end()
            end = _END.search(text, done)
        if begin.start() < done:
            continue
        following = _BEGIN.search(text, begin.end())
        whole = end is not None and (following is None or end.start() < following.start())
        at = end.end() if whole and end is not None else _rest(text, begin.end())
        parts += [text[done : begin.start()], MASK]
        done = at
        if whole:
            end = _END.search(text, done)
    while end is not None:
        left = _back_over_base64(text, end.start(), done)
        parts += [text[done:left], MASK]
        done = end.end()
        end = _END.search(text, done)
    return re.sub(
        r"(Private-Lines: \d+\s+)[A-Za-z0-9+/=\s]+?(?=Private-MAC|\Z)", rf"\1{MASK}\n", "".join(parts) + text[done:]
    )


def _rest(text: str, at: int) -> int:
    """The end of the base64 that follows."""
    found = _BASE64.match(text, at)
    return found.end() if found else at


def _back_over_base64(text: str, at: int, start: int) -> int:
    while at > start and (text[at - 1].isalnum() or text[at - 1] in "+/=\n\r\\ \t"):
        at -= 1
    return at
