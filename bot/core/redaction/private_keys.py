"""Private keys, whole and in pieces."""

import re

from bot.core.redaction.values import MASK

_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BASE64 = re.compile(
    r"(?:[A-Za-z0-9+/=\s]|\\+[nr]|\\+u000[adAD]|&#1[03];)*(?:(?:Proc-Type|DEK-Info|Version|Comment): [^\n]{1,80}\n(?:[A-Za-z0-9+/=\s]|\\+[nr]|\\+u000[adAD]|&#1[03];)*){0,4}"
)
_MOST_KEY_LINES, _LONGEST_PREFIX = 400, 300
# What stands between two lines of a key: the beginning of a log's line, or the quotes of a list.
_NEXT_PART = re.compile(
    r"['\"]?,?\s{0,60}b?['\"](?=[A-Za-z0-9+/]{16})|[^\n]{0,160}?(?<![A-Za-z0-9+/])(?=[A-Za-z0-9+/]{40,100}={0,2}(?![\w.+/-]))"
    r"|[^\n]{0,160}?(?<![A-Za-z0-9+/])(?=[A-Za-z0-9+/]{0,40}[0-9])(?=[A-Za-z0-9+/]{0,40}[A-Z])(?=[A-Za-z0-9+/]{8,100}={0,2}\Z)"
)
_LINE_OF_KEY = re.compile(r"(?<![A-Za-z0-9+/])([A-Za-z0-9+/]{20,100}={0,2})[ \t'\",]{0,5}\Z")
_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_RUN = re.compile(
    r"[A-Za-z0-9+/=]*(?:(?:\s{1,20}|\\{1,4}n)[A-Za-z0-9+/]{40,}={0,2})*(?:(?:\n[ ]{0,20}|\\{1,4}n)[A-Za-z0-9+/]{1,100}={1,2})?"
)
# PRIVATE KEY in base64, which is one of three, by what stands in front.
KEY_WORDS = ("UFJJVkFURSBLRV", "BSSVZBVEUgS0VZ", "QUklWQVRFIEtFW")
_ENCODED_WORDS = re.compile("|".join(KEY_WORDS))


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
    """The end of the base64 that follows, also where its lines have something in front, or are the texts of a list."""
    for _ in range(_MOST_KEY_LINES):
        found = _BASE64.match(text, at)
        at = found.end() if found else at
        following = _NEXT_PART.match(text, at)
        if following is None:
            break
        at = following.end()
    return at


def _back_over_base64(text: str, at: int, start: int) -> int:
    """Where the base64 begins that ends here."""
    end, left = at, _back(text, at, start)
    for _ in range(_MOST_KEY_LINES):
        if left <= start:
            break
        if text[left - 1] in "'\",":
            at = left
            while at > start and text[at - 1] in "'\", \n\t":
                at -= 1
        else:  # the line has something in front
            at = text.rfind("\n", max(start, left - _LONGEST_PREFIX), left)
        if at <= start:
            break
        line = _LINE_OF_KEY.search(text, max(start, text.rfind("\n", start, at) + 1, at - _LONGEST_PREFIX), at)
        if line is None:
            break
        end = left = _back(text, line.start(1), start) if text[left - 1] in "'\"," else line.start(1)
    return min(end, left)


def _back(text: str, at: int, start: int) -> int:
    while at > start and (text[at - 1].isalnum() or text[at - 1] in "+/=\n\r\\ \t"):
        at -= 1
    return at


def without_encoded_keys(text: str) -> str:
    """The base64 of a private key's file, as the data of a Kubernetes Secret has it."""
    parts, done = list[str](), 0
    for found in _ENCODED_WORDS.finditer(text):
        if found.start() < done:
            continue
        begin, end = found.start(), found.end()
        while begin > done and (text[begin - 1] in _SIGNS or (text[begin - 1] == "\n" and _wide(text, begin - 1))):
            begin -= 1
        end = max(end, _RUN.match(text, end).end())  # type: ignore[union-attr]
        parts += [text[done:begin], MASK]
        done = end
    return "".join(parts) + text[done:]


def _wide(text: str, at: int) -> bool:
    """Whether a whole line of base64 ends here."""
    return at >= 40 and all(sign in _SIGNS for sign in text[at - 40 : at])
