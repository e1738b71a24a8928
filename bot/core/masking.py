"""Secrets in foreign text (passwords, tokens, keys, parts of a DSN, headers) become `•••`.

Hard case: a secret that was cut before it was looked for; half a password has no `@` behind it any more and is still half a
password. So text is masked whole, before anything is cut. Rule: what a person may see went through `masked`, and a text
that was masked once stays as it is when it is masked again.
"""

from __future__ import annotations

import re

MASK = "•••"
LONGEST = 40_000  # nothing that we show is longer; the work is bounded before the patterns see it

_NAMES = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|apikey|access[_-]?key(?:[_-]?id)?|account[_-]?key|private[_-]?key"
    r"|secret[_-]?key|fernet[_-]?key|shared[_-]?key|signing[_-]?key|encryption[_-]?key|credentials?|client[_-]?secret"
    r"|auth[_-]?key|sas[_-]?token|session[_-]?id|sessionid|connection[_-]?string"
)
_SHAPES = (
    r"\b(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA)[A-Z0-9]{12,}\b"  # AWS key ids
    r"|\bxox[a-z]-[\w-]{8,}|\bxapp-[\w-]{8,}"  # Slack
    r"|\bgh[pousr]_\w{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}"  # forges
    r"|\bsk-[\w-]{16,}|\b[sprk]k_(?:live|test)_\w{8,}|\bSG\.[\w-]{16,}\.[\w-]{16,}|\bAIza[\w-]{30,}"
    r"|\bdapi[0-9a-f]{32}|\bhvs\.[\w-]{20,}|\bnpm_\w{30,}|\bpypi-[\w-]{30,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"  # JSON web tokens
)
_QUOTE = r"\\?[\"']"
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    # scheme://user:password@host, also where the end was cut off; host:port is no password
    (re.compile(r"(?<=://)([^\s/:@'\"<>]{0,100}):(?!\d{1,5}(?:[/?#,;)\]'\"\s]|\Z))[^\s'\"<>]{1,500}?"
                r"(?:(?=@[^\s@'\"]{0,500}(?:[\s'\"]|\Z))|(?=[\s'\"<>]|\Z))"), rf"\1:{MASK}"),
    (re.compile(r"(?<=://)[^\s/:@'\"]{16,500}(?=@)"), MASK),  # a token in the user's place
    (re.compile(rf"(?i)\b((?:proxy-)?authorization|x-api-key|x-auth-token|(?:set-)?cookie)({_QUOTE})?(\s{{0,3}}[:=]\s{{0,3}})"
                r"(?:\\?[\"'])?(?:(?:bearer|basic|token|digest|negotiate|aws4-hmac-sha256)\s+)?[^\s\"'\\,}]{1,2000}"),
     rf"\1\2\3{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+(?=\S*[\d=])[\w.~+/=-]{8,2000}"), rf"\1 {MASK}"),
    (re.compile(r"(?i)([?&;](?:x-(?:amz|goog)-(?:signature|security-token|credential)|sig|signature|code|key)=)[^&\s\"']{1,2000}"),
     rf"\1{MASK}"),
    (re.compile(rf"(?i)(--(?:\w+-)?(?:{_NAMES})(?:\s{{1,3}}|=))[^\s\"']{{1,500}}"), rf"\1{MASK}"),
    (re.compile(rf"(?i)(?<![a-z])((?:[a-z0-9_.-]{{0,40}}[_.-])?(?:{_NAMES})(?:_\w{{1,20}})?)({_QUOTE})?"
                rf"(\)?[ \t]{{0,3}}(?:=>|[:=])[ \t]{{0,3}})"
                rf"(?:({_QUOTE})(?:(?!\4)[^\n]){{1,2000}}|\(?[^\s\"',;&)}}\]]{{1,2000}})"), rf"\1\2\3\4{MASK}"),
    (re.compile(_SHAPES), MASK),
)  # fmt: skip


def masked(text: str) -> str:
    """The text with each secret as `•••`; at most `LONGEST` characters of it, from its start."""
    text = text[:LONGEST]
    for pattern, instead in _FORMS:
        text = pattern.sub(instead, text)
    return text


def secrets_in(before: str, after: str) -> int:
    """How many secrets `masked` hid: the masks that the text did not have before."""
    return max(0, after.count(MASK) - before.count(MASK))
