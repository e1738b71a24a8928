"""Secrets in foreign text (passwords, tokens, keys, parts of a DSN, headers) become `•••`; what is no secret stays readable.

Structures are read as structures: a name and its value in JSON, reprs, YAML, XML, environments, command lines and SQL, also
where they are quoted within quotes. Text is redacted whole, before anything is cut: half a password is still half a password.
A text that was redacted stays as it is when it is redacted again, and the work grows with its length and no faster.

The plugin contains a copy of this package, made by `python -m bot.plugin.embed`.
"""

from functools import lru_cache

from bot.core.redaction.forms import forms
from bot.core.redaction.named import without_named
from bot.core.redaction.names import is_secret_name
from bot.core.redaction.private_keys import without_private_keys
from bot.core.redaction.statements import without_columns, without_inputs
from bot.core.redaction.values import MASK
from bot.core.redaction.vendors import shapes

__all__ = ["MASK", "is_secret_name", "redact", "secrets_in"]
_SHORT = 256  # characters
# What every such name has in it, in lower case: most texts have none of these, and are looked at no further.
_STEMS = ("pass", "pwd", "secret", "token", "key", "cred", "bearer", "jwt", "cookie", "auth", "sas_", "_sas", "sas=", "_pat",
          "pat=", "otp", "mnemonic", "sess", "connstr", "tion_str", "tionstr", "dsn", "webhook", "identified", "signature")  # fmt: skip


def redact(text: str) -> str:
    """The text with each secret as `•••`."""
    return _short(text) if len(text) < _SHORT else _redacted(text)


@lru_cache(maxsize=4096)  # the same owners, pools, hosts and sentences come again and again
def _short(text: str) -> str:
    return _redacted(text)


def _redacted(text: str) -> str:
    text, low = _again(text)
    if "PRIVATE KEY" in text or "Private-Lines" in text:
        text, low = _again(without_private_keys(text))
    for doors, group in forms():
        if any([door in low for door in doors]):
            for gates, pattern, instead in group:
                if any([gate in low for gate in gates]):
                    text, low = _again(pattern.sub(instead, text))
    beginnings, others = shapes()
    if beginnings.search(text):
        text = beginnings.sub(MASK, text)
    for gate, pattern in others:
        if gate in text:
            text = pattern.sub(MASK, text)
    text, low = _again(text)
    places = sorted({at for stem in _STEMS if stem in low for at in _places(low, stem)})
    if places:
        text = without_named(text, places)
    if "input_value=" in text:
        text = without_inputs(text)
    if ") values" in low or "values(" in low or "[parameters:" in low or ")values" in low:
        text = without_columns(text)
    return text


def _again(text: str) -> "tuple[str, str]":
    """The text and its lower case, with every place the same in both: some letters become two."""
    low = text.lower()
    return text, low if len(low) == len(text) else "".join(sign.lower() if sign.isascii() else sign for sign in text)


def _places(low: str, stem: str) -> "list[int]":
    found, at = list[int](), low.find(stem)
    while at >= 0:
        found.append(at)
        at = low.find(stem, at + len(stem))
    return found


def secrets_in(before: str, after: str) -> int:
    """How many secrets `redact` hid: the masks that the text did not have before."""
    return max(0, after.count(MASK) - before.count(MASK))
