"""A secret's name and its value as two fields of one object: `{"name": "DB_PASSWORD", "type": "x", "value": "…"}`."""

import re
from collections.abc import Iterator

from bot.core.redaction.containers import values_at
from bot.core.redaction.values import MASK

_NAMES = r"(?:[a-z_]{0,20}(?:name|key)|variable|var|field|property|header|setting|param|parameter|option|id|label)"
_NAMED = re.compile(
    rf"(?i)(?<![a-z_])({_NAMES})(?:\\*[\"']?\s{{0,3}}[:=]\s{{0,3}}|\s)b?(?:\\*[\"'])?(?:[\w.-]{{0,60}}/|/){{0,6}}\Z"
)
_VALUE = re.compile(r"(?i)(?:[a-z_]{0,16}value|default|val)\Z")
_VALUES = re.compile(r"(?i)(?<![a-z_])(?:[a-z_]{0,16}value|default|val)\\*[\"']?\s{0,3}[:=]\s{0,3}")
_FIELD = re.compile(
    r"\\{0,30}[\"']?(?:[\s,;]|\\{1,30}[nrt]|#[^\n]{0,100}\n){1,80}(?:--)?(?:\\{0,30}[\"'])?([A-Za-z][\w-]{0,40})(?:\\{0,30}[\"']?\s{0,3}[:=]\s{0,3}|(?<=-[a-z]{4})\s|(?<=-[a-z]{5})\s)"
)
_SKIPPED = re.compile(
    r"\\*\"[^\"\n]{0,300}\"|\\*'[^'\n]{0,300}'|[\[{(](?:[^\[\]{}()]|[\[{(][^\[\]{}()]{0,200}[\])}]){0,300}[\])}]|(?!-\s)[^\s,;\"'{}\[\]()<>]{1,100}"
)
_MASKED = re.compile(rf"b?(?:\\{{0,8}}[\"'])?{MASK}")
_WORD_MORE = re.compile(r" [^\s,;\"'{}\[\]()<>]{1,60}")
_FARTHEST = 24  # fields and words


def paired(text: str, left: int, right: int, name: str, kind: str) -> "list[tuple[int, int]] | None":
    """Where the value of the field beside this name stands; None when the name is not the value of such a field."""
    before = text[max(0, left - 5) : left]
    if ":" not in before and "=" not in before and not before.endswith(("/", "name ")):
        return None
    named = _NAMED.search(text, max(0, left - 130), left)
    if named is None:
        return None
    kind = kind if kind in {"many", "random"} else "sure"
    for _, key, start in _fields(text, right):
        if _VALUE.match(key) and (spans := _hidden(text, start) or values_at(text, start, name, kind=kind)):
            return spans
    for valued in [*_VALUES.finditer(text, max(0, left - 400), named.start())][-3:]:
        spans = _hidden(text, valued.end()) or values_at(text, valued.end(), name, kind=kind)
        if spans and any(at == named.start(1) for at, _, _ in _fields(text, spans[-1][1])):
            return spans
    return []


def _hidden(text: str, at: int) -> "list[tuple[int, int]]":
    """Where the mask is, when this value was hidden already."""
    mask = _MASKED.match(text, at)
    return [(mask.end() - len(MASK), mask.end())] if mask else []


def _fields(text: str, at: int) -> "Iterator[tuple[int, str, int]]":
    """The fields that follow in the same object: where the key begins, the key, and where its value begins."""
    for _ in range(_FARTHEST):
        field = _FIELD.match(text, at)
        if field is not None:
            yield field.start(1), field[1], field.end()
            skipped = _SKIPPED.match(text, field.end())
        else:
            skipped = _WORD_MORE.match(text, at)
        if skipped is None:
            return
        at = skipped.end()
