"""Where a value begins and ends, and whether it is one: `None`, `required` and `${DB_PASSWORD}` are not."""

import re

LONGEST_VALUE = 8_192  # characters
MASK = "•••"
# What stands for no value, or begins a sentence about one.
_NO_VALUE = frozenset((
    "none", "null", "nil", "true", "false", "undefined", "nan", "str", "string", "int", "bytes", "bool", "optional", "any", "required",
    "expired", "missing", "invalid", "incorrect", "must", "is", "not", "field", "empty", "unset", "set", "changed", "failed",
    "wrong", "denied", "provided", "has", "cannot", "can't", "may", "should", "and", "or", "was", "are", "the", "a", "an", "no",
    "authentication", "authorization", "does", "doesn't", "did", "will", "with", "for", "in", "of", "to", "from", "on", "by", "yes",
    "unexpected", "mismatch", "too", "input", "error", "value", "secretstr", "hidden", "redacted", "masked", "omitted", "removed",
    "expires", "contains", "contain", "length", "mandatory", "unknown", "unauthorized", "forbidden", "rejected", "revoked", "only",
    "please", "check", "see", "it", "this", "that", "your", "you", "we", "object", "type", "default", "list", "dict", "tuple",
))  # fmt: skip
QUOTE = re.compile(r"\\*[\"'`]|&quot;|&#3[49];|\\+u002[27]")
_STOPS = frozenset(' \t\r\n,;&)]}<>"|\x1b')
_ESCAPED = re.compile(r"\\{1,4}(?:[nrt\"']|u00[0-9a-fA-F]{2}|x[0-9a-fA-F]{2})")
# A value that goes on behind a sign that usually ends one: `p;x7Kq2`, but not `p;host=db`.
_GOES_ON = re.compile(
    r"[,;&)\]}<>\"|](?![\w.-]{1,60}\s?(?:=|:|\\u003|\\x3))(?:(?<=[,;&<\"|])(?=[\w!#$%*+~^@.-])|(?=[A-Za-z0-9!#$%]))([^\s,;&)\]}<>\"'|\\\x1b]{1,200})"
)
_TOKEN = re.compile(r"[\w.~+/=:-]+\Z")
_CALL = re.compile(r"[A-Za-z_][\w.]*\(")
_CALLS = ("os.environ", "os.getenv", "Variable.get", "secretKeyRef", "<class")
_REFERENCE = re.compile(
    r"(?:\$\{[A-Za-z_][\w.]*(?::?[-?+][a-z ]{0,40})?\}|\$\([^()]*\)|\{\{.*\}\}|\{%.*%\}|%\(\w+\)s|%s\w*|env\.(?:[A-Z][A-Z0-9_]*|[a-z_]+)"
    r"|vault:[\w./-]*[/#][\w./#-]*|\$[A-Z][A-Z_]{2,}[A-Z0-9_]*)\Z"
)


def is_mixed(value: str) -> bool:
    """Digits and letters, and no path, date or dotted name."""
    return (
        any(sign.isdigit() for sign in value)
        and any(sign.isalpha() for sign in value)
        and not any(sign in value for sign in "/:@(.")
    )


def value_at(text: str, start: int, name: str, *, kind: str) -> "tuple[int, int] | None":
    """The value that begins here; None where there is none, or a word that stands for none."""
    at, size = start, len(text)
    while at < size and text[at] in "bBrRuUfF" and QUOTE.match(text, at + 1):
        at += 1
    if text.startswith(('"""', "'''"), at) and text[max(0, start - 4) : start].rstrip()[-1:] in {"=", ":"}:
        end = text.find(text[at] * 3, at + 3, at + LONGEST_VALUE)
        value = text[at + 3 : end] if end >= 0 else text[at + 3 : at + LONGEST_VALUE]
        begin = at + 3 + len(value) - len(value.lstrip())
        return (begin, at + 3 + len(value.rstrip())) if value.strip(" \n\r\t•") else None
    opening = QUOTE.match(text, at)
    if opening is not None:
        begin = opening.end()
        end = closing(text, begin, opening[0])
        value = text[begin:end]
        return (begin, end) if value.strip() and not is_no_value(value, name, kind=kind, quoted=True) else None
    end = at
    while end < size and end - at < LONGEST_VALUE and text[end] not in _STOPS:
        if text[end] == "'" and (end + 1 >= size or text[end + 1] in _STOPS or text[end + 1] in ".:'"):
            break
        if text[end] == "\\" and _ESCAPED.match(text, end):
            break
        end += 1
    while end > at and text[end - 1] in ".:," and (end >= size or text[end] in " \n\t\r"):
        end -= 1
    if end - at != 1 and is_no_value(text[at:end], name, kind=kind, quoted=False):
        return None
    passes = end > at and ("pass" in name.lower() or "pwd" in name.lower())
    for _ in range(8 if end > at else 0):
        further = _GOES_ON.match(text, end)
        if (
            further is None
            or text[end - 1] in "([{=+"
            or "(" in text[at:end]
            or not (is_odd(further[1]) or (passes and text[end] in ",;&|"))
        ):
            break
        end = further.end()
    value = text[at:end]
    return None if not value or is_no_value(value, name, kind=kind, quoted=False) else (at, end)


def closing(text: str, begin: int, quote: str) -> int:
    """Where the quoted value ends: at the same quote, with as many backslashes in front of it; a doubled one belongs to it."""
    if quote[0] == "&" or "u002" in quote:
        end = text.find(quote, begin, begin + LONGEST_VALUE)
        return end if end >= 0 else min(len(text), begin + LONGEST_VALUE)
    at, limit = begin, min(len(text), begin + LONGEST_VALUE)
    plain = len(quote) == 1
    while at < limit:
        at = text.find(quote[-1], at, limit)
        if at < 0:
            line = text.find("\n", begin, limit)
            return line if line > begin else limit
        slashes = 0
        while at - slashes > begin and text[at - slashes - 1] == "\\":
            slashes += 1
        if plain and slashes % 2 == 0:
            if text[at + 1 : at + 2] == quote and text[at + 2 : at + 3] not in {"", ")", ",", "]", "}", "\n", " "}:
                at += 2
                continue
            if quote == "'" and at + 1 < len(text) and text[at + 1].isalnum() and "'" in text[at + 1 : at + 60]:
                line = text.find("\n", begin, at)
                if line > begin:
                    return line
                at += 1  # an apostrophe within
                continue
            return at
        if not plain and slashes == len(quote) - 1:
            return at - slashes
        if not plain and slashes < len(quote) - 1:
            return at - slashes
        at += 1
    return limit


def is_no_value(value: str, name: str, *, kind: str, quoted: bool) -> bool:
    """A word that stands for none, a reference, or, of some kinds, what does not look like a secret."""
    plain = value.strip().strip("*.•<>[]()").lower()
    if not plain or (
        plain in _NO_VALUE and (not quoted or plain in {"none", "null", "true", "false", "str", "redacted", "hidden"})
    ):
        return True
    if (
        value.startswith(_CALLS)
        or _REFERENCE.match(value)
        or (not quoted and value.startswith(("${", "$(", "%(", "env.")))
    ):
        return True
    if kind == "many":
        return value.isdigit() or not (quoted or is_odd(value))
    if kind == "random" and (len(value) < 16 or not _TOKEN.match(value)):
        return True
    if kind in {"spaced", "random"}:
        return not (is_random(value) and any(sign.isdigit() for sign in value))
    if kind == "loose" and not quoted and name.lower() in {"pat", "sas"} and _CALL.match(value):
        return True
    if kind == "loose":
        return not (
            is_random(value)
            or (quoted and len(value) >= 6 and not value.islower() and " " not in value)
            or (name.lower().split("_")[-1].endswith("pass") and not value.isdigit() and len(value) > 2)
        )
    return False


def is_odd(value: str) -> bool:
    """Not a word of a sentence."""
    return len(value) >= 5 and (
        any(sign.isdigit() for sign in value) or not value.replace("-", "").replace("'", "").isalpha()
    )


def is_random(value: str) -> bool:
    """As tokens look: long, with digits in it, or of more letters than a word has."""
    value = value.strip("\"'")
    if " " in value or len(value) < 8:
        return False
    digits = sum(sign.isdigit() for sign in value)
    letters = sum(sign.isalpha() for sign in value)
    return (
        (digits >= 2 and letters >= 2)
        or len(value) >= 24
        or (letters >= 8 and not value.islower() and not value.isupper() and not value.istitle())
    )
