"""Secrets in foreign text (passwords, tokens, keys, parts of a DSN, headers) become `•••`; what is no secret stays readable.

Structures are read as structures: a name and its value in JSON, reprs, YAML, XML, environments, command lines and SQL, also
where they are quoted within quotes. Text is redacted whole, before anything is cut: half a password is still half a password.
A text that was redacted stays as it is when it is redacted again, and the work grows with its length and no faster.

The plugin contains a copy of this package, made by `python -m bot.plugin.embed`.
"""

import re
from functools import lru_cache, partial
from urllib.parse import unquote_plus

from bot.core.redaction.blocks import without_manifests
from bot.core.redaction.commands import OPTION, without_arguments
from bot.core.redaction.forms import forms
from bot.core.redaction.named import without_named
from bot.core.redaction.names import is_secret_name
from bot.core.redaction.private_keys import KEY_WORDS, without_encoded_keys, without_private_keys
from bot.core.redaction.statements import without_columns, without_inputs
from bot.core.redaction.tables import without_tables
from bot.core.redaction.values import MASK
from bot.core.redaction.vendors import without_vendors

__all__ = ["MASK", "is_secret_name", "redact", "secrets_in"]
_SHORT, _LONG = 256, 8_192  # characters of what is remembered
# What every such name has in it, in lower case: most texts have none of these, and are looked at no further.
_STEMS = frozenset((
    "pass", "pwd", "secret", "token", "key", "cred", "bearer", "jwt", "cookie", "auth", "sas_", "_sas", "sas=", "_pat", "pat=",
    "pat:", "pat'", 'pat"', "pat ", "pat\\", "sas:", "sas'", 'sas"', "sas ", "sas\\", "htpasswd", "otp", "mnemonic", "sess",
    "connstr", "tion_str", "tionstr", "dsn", "webhook", "identified", "signature",
))  # fmt: skip


def redact(text: str) -> str:
    """The text with each secret as `•••`."""
    size = len(text)
    return _short(text) if size < _SHORT else _long(text) if size < _LONG else _redacted(text)


@lru_cache(maxsize=4096)  # the same owners, pools, hosts and sentences come again and again
def _short(text: str) -> str:
    return _redacted(text)


@lru_cache(maxsize=256)  # and so do the tracebacks of a storm
def _long(text: str) -> str:
    return _redacted(text)


# A word with percent-encoded quotes, signs or `%` in it.
_WORD, _ENCODED = re.compile(r"\S+"), re.compile(r"%(?:2[02567]|3[A-Da-d]|40|0[Aa]|[57][B-Db-d])")


def _redacted(text: str, layers: int = 3) -> str:
    before = text
    if layers and "%" in text and _ENCODED.search(text):
        text = _WORD.sub(partial(_decoded, layers - 1), text)
    text, low = _again(text)
    if "PRIVATE KEY" in text or "Private-Lines" in text:
        text, low = _again(without_private_keys(text))
    if any([word in text for word in KEY_WORDS]):
        text, low = _again(without_encoded_keys(text))
    words, places = _seen(low)
    for doors, group in forms():
        if not words.isdisjoint(doors) or any([door in low for door in doors if len(door) == 1]):
            for gates, pattern, instead in group:
                if any([gate in low for gate in gates]):
                    text, low = _again(pattern.sub(instead, text))
    if OPTION.search(text) or "/p:" in low:
        text = without_arguments(text)
    text = without_vendors(text)
    if text is not before:
        low = _again(text)[1]
        words, places = _seen(low)
    if "secret" in words and "data" in low and "kind" in low:
        text, low = _again(without_manifests(text))
        places = _seen(low)[1]
    text = _named(text, places)
    if "input_value=" in text:
        text = without_inputs(text)
    if ") values" in low or "values(" in low or "[parameters:" in low or ")values" in low:
        text = without_columns(text)
    return text


def _named(text: str, places: "list[int]") -> str:
    if places and any([sign in text for sign in ("\n", "\\n", "|", "│")]):
        tabled = without_tables(text, places)
        if tabled is not text:
            text, places = tabled, _seen(_again(tabled)[1])[1]
    return without_named(text, places) if places else text


def _decoded(layers: int, word: "re.Match[str]") -> str:
    """A percent-encoded word as it was meant, where it holds a secret; else as it stands."""
    if not _ENCODED.search(word[0]):
        return word[0]
    plain = unquote_plus(word[0])
    hidden = _redacted(plain, layers)
    return word[0] if hidden == plain else hidden


def _seen(low: str) -> "tuple[set[str], list[int]]":
    """Which doors of the forms and which stems the text has in it, and where the stems are."""
    words, places = set[str](), list[int]()
    for found in _needles().finditer(low):
        words.add(found[0])
        if found[0] in _STEMS:
            places.append(found.start())
    return words, places


@lru_cache(maxsize=1)
def _needles() -> "re.Pattern[str]":
    """All of them in one pattern, sorted by their first letter, which makes it fast; the longer of two comes first."""
    by_letter = dict[str, list[str]]()
    for one in sorted(
        {door for doors, _ in forms() for door in doors if len(door) > 1} | _STEMS, key=len, reverse=True
    ):
        by_letter.setdefault(one[0], []).append(re.escape(one[1:]))
    return re.compile("|".join(f"{re.escape(letter)}(?:{'|'.join(rest)})" for letter, rest in by_letter.items()))


def _again(text: str) -> "tuple[str, str]":
    """The text and its lower case, with every place the same in both: some letters become two."""
    low = text.lower()
    return text, low if len(low) == len(text) else "".join(sign.lower() if sign.isascii() else sign for sign in text)


def secrets_in(before: str, after: str) -> int:
    """How many secrets `redact` hid: the masks that the text did not have before."""
    return max(0, after.count(MASK) - before.count(MASK))
