"""The table that maps failed calls to Airflow to `Temporary` or `Permanent`, in plain words.

`detail` is text, a list or a dict on Airflow 3, and often null beside a `title` on Airflow 2. A write that may have
arrived is `Temporary(acted=None)`.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import urllib3.exceptions as u3

from bot.airflow import parsing
from bot.core.errors import Permanent, Temporary
from bot.core.json_text import read_json

DETAIL_LENGTH = 300


class Moved(Exception):
    """Another API answers: the server was upgraded (or downgraded). Never leaves this package."""


class TookTooLong(Exception):
    """The body did not end before the deadline."""


class TooLarge(Exception):
    """The body is larger than the bot accepts."""


class LoginRefused(Exception):
    """The login was refused; the text says by what."""


class LoginUnavailable(Exception):
    """The login could not be checked; the text says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`sentence` follows "Airflow (prod) …" and may use status, detail, what and within."""

    sentence: str
    is_temporary: bool = False
    may_have_acted: bool = False


STATUSES: dict[int, Rule] = {
    400: Rule("did not accept it: {detail}"),
    401: Rule("does not accept the bot's login ({detail})"),
    403: Rule("answered 403: the bot may not {what}"),
    404: Rule("answered 404: {detail}"),
    408: Rule("did not get the whole request in time", is_temporary=True),
    409: Rule("answered 409: {detail}"),
    422: Rule("did not accept it: {detail}"),
    425: Rule("is not ready yet", is_temporary=True),
    429: Rule("is being asked too often", is_temporary=True),
    500: Rule("failed with an error of its own (500: {detail})", is_temporary=True, may_have_acted=True),
    502: Rule("is not reachable behind its proxy (502)", is_temporary=True, may_have_acted=True),
    503: Rule("is not available (503)", is_temporary=True, may_have_acted=True),
    504: Rule("did not answer its proxy in time (504)", is_temporary=True, may_have_acted=True),
}
FAMILIES: dict[int, Rule] = {
    1: Rule("answered {status}, which the bot does not understand"),
    2: Rule("answered {status}, which the bot does not understand"),
    3: Rule("sent the bot elsewhere ({status}): is the configured address right, and open to the bot?"),
    4: Rule("answered {status}: {detail}"),
    5: Rule("failed with an error of its own ({status}: {detail})", is_temporary=True, may_have_acted=True),
}
OUTAGE_STATUSES = frozenset({502, 503, 504})

UNREACHED = Rule("cannot be reached", is_temporary=True)
SILENT = Rule("did not answer {within}", is_temporary=True, may_have_acted=True)
BROKEN = Rule("broke off in the middle of its answer", is_temporary=True, may_have_acted=True)
UNTRUSTED = Rule("shows a certificate that the bot does not trust")
MISNAMED = Rule("has an address that the bot cannot use")
OVERSIZED = Rule("answered with more data than the bot takes")
NO_LOGIN = Rule("does not accept the bot's login ({detail})")
LOGIN_LATER = Rule("could not sign the bot in ({detail})", is_temporary=True)

# The first matching class wins, so the narrow ones come first.
TRANSPORTS: tuple[tuple[type[Exception], Rule], ...] = (
    (LoginRefused, NO_LOGIN),
    (LoginUnavailable, LOGIN_LATER),
    (TooLarge, OVERSIZED),
    (TookTooLong, SILENT),
    (httpx.InvalidURL, MISNAMED),
    (httpx.UnsupportedProtocol, MISNAMED),
    (httpx.ConnectTimeout, UNREACHED),
    (httpx.PoolTimeout, UNREACHED),
    (httpx.ConnectError, UNREACHED),
    (httpx.ProxyError, UNREACHED),
    (httpx.TimeoutException, SILENT),
    (httpx.HTTPError, BROKEN),
    (u3.LocationValueError, MISNAMED),
    (u3.ConnectTimeoutError, UNREACHED),  # also a refused connection and an unknown host
    (u3.ProxyError, UNREACHED),
    (u3.EmptyPoolError, UNREACHED),
    (u3.SSLError, UNREACHED),
    (u3.TimeoutError, SILENT),
    (u3.HTTPError, BROKEN),
)
TRANSPORT: tuple[type[Exception], ...] = tuple(kind for kind, _ in TRANSPORTS)


def of_reply(name: str, what: str, status: int, headers: Mapping[str, str], body: bytes, *, write: bool) -> Exception:
    """The exception for an answer that is not a success; `Moved` if another API answered."""
    if is_foreign(status, body):
        return Moved()
    rule = STATUSES.get(status) or FAMILIES.get(status // 100) or FAMILIES[4]
    said = detail(body)
    text = rule.sentence.format(status=status, detail=said or "no reason given", what=what, within="in time")
    if status == 403:
        text += _why_forbidden(body, said)
    return _build(name, rule, text, str(status), write=write, retry_after=_retry_after(headers))


def of_transport(name: str, error: Exception, seconds: float, *, write: bool) -> Exception:
    """The exception for a call without a complete answer."""
    rule = UNTRUSTED if _is_untrusted(error) else next(rule for kind, rule in TRANSPORTS if isinstance(error, kind))
    # with a deadline the limit may be a fraction of a second, which means nothing to a person
    within = f"within {seconds:.3g} s" if seconds >= 1 else "in time"
    text = rule.sentence.format(within=within, detail=error)
    return _build(name, rule, text, type(error).__name__, write=write)


def garbled(name: str, *, write: bool) -> Exception:
    """The exception for a success whose body can't be parsed: a login page, half a document."""
    rule = Rule("answered with something that is not JSON", is_temporary=True, may_have_acted=True)
    return _build(name, rule, rule.sentence, "garbled", write=write)


def _build(name: str, rule: Rule, text: str, code: str, *, write: bool, retry_after: float | None = None) -> Exception:
    message = f"Airflow ({name}) {text}"
    if rule.is_temporary:
        return Temporary(message, retry_after, acted=None if write and rule.may_have_acted else False)
    return Permanent(message, code)


def _why_forbidden(body: bytes, said: str) -> str:
    """The reason for a 403. Airflow 2 (its answers have a `title`) answers the same for a wrong password and a missing
    permission."""
    if said.casefold() not in ("", "forbidden"):
        return f" ({said})"
    return ", or its password is wrong" if b'"title"' in body else ""


def is_outage(error: Exception) -> bool:
    """Whether the server as a whole seems to be unavailable (what the breaker counts)."""
    return not isinstance(error, LoginRefused | LoginUnavailable | TooLarge | httpx.InvalidURL | u3.LocationValueError)


def is_unaccepted(error: Exception) -> bool:
    """Whether the time to connect ran out (urllib3 uses the same class for a refused connection)."""
    if isinstance(error, u3.NewConnectionError):
        return False
    return isinstance(error, httpx.ConnectTimeout | u3.ConnectTimeoutError)


def is_late(error: Exception) -> bool:
    """Whether the only fault is that the time ran out."""
    if isinstance(error, u3.NewConnectionError):
        return False
    return isinstance(error, TookTooLong | httpx.TimeoutException | u3.TimeoutError | u3.EmptyPoolError)


def is_stale_login(status: int, body: bytes) -> bool:
    """A 401, or the 403 that Airflow 3 answers to a token signed with an older secret."""
    return status == 401 or (status == 403 and "invalid jwt token" in detail(body).casefold())


def is_foreign(status: int, body: bytes) -> bool:
    """Whether a 404 is about the address itself, not about the requested thing: this API does not exist (any more)."""
    if status != 404:
        return False
    said = _parsed(body)
    if not isinstance(said, dict):
        return True
    text = detail(body).casefold()
    return "error" in said or text in ("", "not found") or text.startswith("the requested url was not found")


def unknown_fields(body: bytes) -> set[str]:
    """The fields of the body that an older 3.x server does not know (its 422 names them)."""
    said = _parsed(body)
    faults = said.get("detail") if isinstance(said, dict) else None
    rows = [row for row in faults if isinstance(row, dict)] if isinstance(faults, list) else []
    return {str((row.get("loc") or [""])[-1]) for row in rows if row.get("type") == "extra_forbidden"}


def detail(body: bytes) -> str:
    """The server's error message, on one line of at most 300 characters; empty if there is no readable one."""
    said = _parsed(body)
    if isinstance(said, dict):
        found = next((said[key] for key in ("detail", "title", "error", "message") if said.get(key)), "")
        return _one_line(_phrase(found))
    text = body[:2000].decode("utf-8", "replace")
    return "" if "<" in text else _one_line(text)


def _phrase(found: Any) -> str:
    if isinstance(found, list):
        return "; ".join(_phrase(row) for row in found)
    if isinstance(found, dict) and "msg" in found:
        where = [str(part) for part in parsing.listed(found.get("loc")) if part not in ("body", "query", "path")]
        return f"{'.'.join(where)}: {found['msg']}" if where else str(found["msg"])
    if isinstance(found, dict):
        return str(found.get("reason") or found.get("message") or "")
    return str(found)


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= DETAIL_LENGTH else flat[: DETAIL_LENGTH - 1] + "…"


def _parsed(body: bytes) -> Any:
    try:
        return read_json(body)
    except ValueError:
        return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None


def _is_untrusted(error: BaseException | None) -> bool:
    """Whether a certificate error is in the chain; httpx and urllib3 wrap it several times."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
