"""Reports to Windsock what went wrong, from inside Airflow 2.11 and 3.x: one file, standard library only.

Hard case: the process that knows of a failure is about to end by `os._exit`, or is the scheduler, which must not
wait. The first delivers at once, two seconds at most, then falls back to a spool on disk; the second hands over to a
bounded queue and one thread, which is also the one that waits for the disk. Airflow may interrupt a task at any moment: what
was about to be delivered goes to the spool, and the interrupt goes on its way. Rule: nothing of ours is ever raised into
Airflow; its database session is not touched, and neither an environment nor a rendered field is sent. Secrets are removed
before anything is cut. The same failure reported by listener and callback is one identity for the bot.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import queue
import re
import socket
import stat
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from functools import lru_cache, partial
from hashlib import sha256
from traceback import StackSummary, walk_tb
from typing import Any, Callable, NamedTuple, Optional, TypeVar
from urllib.parse import unquote_plus, urlsplit

_mark: Any = None
try:
    from pluggy import HookimplMarker

    _mark = HookimplMarker("airflow")
    # A task process of Airflow 3 has only the SDK's base class loaded; the other one costs an import.
    if "airflow.sdk.plugins_manager" in sys.modules and "airflow.plugins_manager" not in sys.modules:
        from airflow.sdk.plugins_manager import AirflowPlugin
    else:
        from airflow.plugins_manager import AirflowPlugin
except ImportError:  # imported where there is no Airflow: a test, a linter

    class AirflowPlugin:  # type: ignore[no-redef]
        """Stands in for Airflow's base class."""


__version__ = "0.1.0"
__all__ = [
    "WindsockNotifier",  # noqa: F822 - made by __getattr__
    "WindsockPlugin",
    "deadline_missed",
    "deadline_missed_sync",
    "notify_dag_failure",
    "notify_dag_success",
    "notify_failure",
    "notify_retry",
    "notify_sla_miss",
    "notify_success",
]

log = logging.getLogger("windsock")

Signal = dict[str, Any]
Hook = TypeVar("Hook", bound=Callable[..., None])

ONE_TASK_SECONDS = 2.0  # what a task may lose to us, all its hooks together; grows back over a minute
LONG_LIVED_SECONDS = 10.0
QUEUE_LIMIT, BATCH_LIMIT, BATCH_BYTES = 4000, 100, 900_000
SPOOL_FILES, SPOOL_BYTES, SET_ASIDE_FILES = 10_000, 64 * 1024 * 1024, 100
CLAIM_SECONDS, DOWN_SECONDS = 60.0, 15.0
MESSAGE_CHARS, TRACEBACK_CHARS, FRAMES, CHAIN = 8_000, 16_000, 60, 8
LOOKED_AT = 400_000  # characters of one text; what is shown of a longer one lies far inside its two ends
IDLE_SECONDS, LONGEST_PAUSE, RETELL_SECONDS, TOLD_LIMIT = 5.0, 30.0, 60.0, 1000
# Answers that a person mends by a setting or that pass by themselves.
KEEP_STATUS = frozenset({401, 407, 408, 425, 429})
# These may be about a setting (another path, another token) or about what one signal says, as firewalls do. Any other 4xx is
# about the signal itself.
ODD_STATUS = frozenset({402, 403, 404, 405, 406, 409, 410, 411, 421, 451})
ODD_IN_A_ROW = 8  # so many in a row and none that was taken: it is the setting
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Config(NamedTuple):
    """What the four variables say. `url` is the whole address that signals are posted to."""

    url: str
    token: str
    deployment: str
    spool: str


def _config() -> Optional[Config]:
    env = os.environ
    base = env.get("WINDSOCK_URL", "").strip().rstrip("/")
    if not base:
        _say_once("off", "Windsock is off: WINDSOCK_URL is not set", logging.INFO)
        return None
    url = base if base.endswith("/v1/signals") else base + "/v1/signals"
    spool = env.get("WINDSOCK_SPOOL") or os.path.join(_airflow_home(), "windsock-spool")
    deployment = env.get("WINDSOCK_DEPLOYMENT") or "default"
    token = env.get("WINDSOCK_TOKEN", "").strip()
    if token and url.startswith("http://") and _host(url) not in LOOPBACK:
        _say_once(
            "plain", "WINDSOCK_URL is http://: the token and every traceback can be read on their way; use https://"
        )
    return Config(url, token, deployment, spool)


def _host(url: str) -> Optional[str]:
    """None for a URL that is not valid: posting to it fails, and the signals wait in the spool."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _airflow_home() -> str:
    home = getattr(sys.modules.get("airflow.configuration"), "AIRFLOW_HOME", None)
    return str(home or os.path.expanduser(os.environ.get("AIRFLOW_HOME") or "~/airflow"))


# --- what this process remembers; a forked child starts with nothing -------------------------------------------


class _Hurry:
    """The second and last try of a hook that was interrupted. `same` is True when what interrupted it comes from the value
    that it reads, which raises each time it is shown, and not from Airflow."""

    def __init__(self, interrupt: BaseException) -> None:
        self.kind, self.same = type(interrupt), False


class _Process:
    def __init__(self) -> None:
        self.service = False  # a scheduler, DAG processor, triggerer: it must not wait
        self.task = False  # runs one task, or looks after one
        self.tag = os.urandom(4).hex()  # names its claims; a process id is not unique between containers
        self.courier: Optional[_Courier] = None
        self.lock = threading.Lock()
        self.left, self.left_at = ONE_TASK_SECONDS, time.monotonic()
        self.told: dict[str, float] = {}
        self.said: set[str] = set()
        self.hurry: Optional[_Hurry] = None  # an interrupt is on its way: to disk, and nothing waits
        self.counted: dict[str, tuple[float, int, int]] = {}  # of a spool: when, files, bytes

    def allowance(self) -> float:
        """Seconds that may be spent on waiting now."""
        now = time.monotonic()
        self.left = min(ONE_TASK_SECONDS, self.left + (now - self.left_at) * ONE_TASK_SECONDS / 60)
        self.left_at = now
        return self.left

    def spend(self, seconds: float) -> None:
        self.left = max(0.0, self.left - seconds)

    def first_time(self, key: str) -> bool:
        """Whether `key` was not reported within the last minute."""
        now = time.monotonic()
        if now - self.told.get(key, -RETELL_SECONDS) < RETELL_SECONDS:
            return False
        if len(self.told) >= TOLD_LIMIT:
            self.told.clear()
        self.told[key] = now
        return True


_process = _Process()


def _forget() -> None:
    global _process  # noqa: PLW0603 - a forked child has none of its parent's threads and locks
    _process = _Process()


os.register_at_fork(after_in_child=_forget)


def _say_once(key: str, message: str, level: int = logging.WARNING) -> None:
    if key not in _process.said:
        _process.said.add(key)
        log.log(level, message)


def _safely(work: Callable[..., Any], *args: Any) -> None:
    """Runs a hook. A fault of ours is logged; Airflow's own interrupt (a timeout, a termination) goes on its way, and what
    the hook was about is on disk by then."""
    try:
        work(*args)
    except Exception as error:
        _confess(error)
    except BaseException as interrupt:
        if not _again_in_a_hurry(interrupt, work, args):
            raise


def _again_in_a_hurry(interrupt: BaseException, work: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """True if there was no interrupt: a value raised it while it was shown."""
    hurry = _process.hurry = _Hurry(interrupt)
    try:
        work(*args)
    except Exception as error:
        _confess(error)
    except BaseException:
        pass  # the first one goes on
    finally:
        _process.hurry = None
    return hurry.same


def _confess(error: Exception) -> None:
    with contextlib.suppress(Exception):
        log.warning("Windsock could not report this: %s", type(error).__name__, exc_info=True)


# --- redaction begins: made by bot.plugin.embed
# fmt: off


@lru_cache(maxsize=1)
def _redaction() -> "tuple[Callable[[str], str], Callable[[str], bool]]":
    """The bot's own `redact` and `is_secret_name`."""
    LONGEST_VALUE = 8_192  # characters
    MASK = "•••"
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
    _SECRETS = frozenset((
        "password", "passwords", "passwd", "passphrase", "passcode", "passwort", "pwd", "secret", "secrets", "token", "apikey", "apisecret", "credential",
        "credentials", "creds", "bearer", "jwt", "cookie", "authorization", "sas", "pat", "otp", "mnemonic", "sessionid", "accesskey",
        "secretkey", "privatekey", "accountkey", "authkey", "signingkey", "encryptionkey", "fernetkey", "sharedkey", "accesstoken",
        "authtoken", "refreshtoken", "clientsecret", "connectionstring", "connstr", "cookies", "jsessionid", "phpsessid",
        "dbpass", "userpass", "rootpass", "adminpass", "storepass", "keypass", "sshpass", "mypass", "smtppass", "ftppass",
        "loginpass",
    ))  # fmt: skip
    _ENDINGS = (
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "apikey",
        "secretkey",
        "accesskey",
        "authtoken",
        "accesstoken",
        "secret",
        "token",
        "sessionid",
        "sessid",
    )
    KEYS = frozenset((
        "api", "access", "secret", "private", "account", "shared", "signing", "encryption", "fernet", "auth", "service", "master",
        "storage", "ssh", "consumer", "subscription", "license", "app", "application", "routing", "integration", "deploy", "hmac",
        "aes", "rsa", "gpg", "pgp", "admin", "root", "webserver", "session", "security", "server", "write", "ingest", "ingestion",
        "webhook", "bot", "client", "crypto", "kms", "project", "stream", "functions", "host", "rest", "user",
    ))  # fmt: skip
    _ABOUT = frozenset((
        "name", "names", "count", "counts", "limit", "type", "types", "length", "len", "size", "uri", "endpoint", "path", "file",
        "filename", "expiry", "expires", "expired", "expiration", "ttl", "age", "policy", "field", "fields", "column", "columns",
        "version", "format", "usage", "budget", "ratio", "required", "enabled", "rotation", "arn", "index", "position", "provider",
        "store", "manager", "backend", "table", "scope", "scopes", "audience", "created", "updated", "at", "date", "time", "hint",
        "error", "errors", "exception", "mismatch", "invalid", "rate", "url", "ref", "refs", "command", "cmd", "method", "mode",
        "rules", "min", "max", "characters", "in", "kind", "status", "class", "issuer", "resolver", "validator", "reset", "prompt",
        "engine", "location", "lifetime", "bucket", "seconds", "valid", "is", "exists", "missing", "not", "found", "key_name",
    ))  # fmt: skip
    _BESIDE = frozenset((
        "description", "message", "msg", "title", "code", "detail", "key", "user", "username", "login", "host", "from", "env",
        "label",
        "region", "algorithm", "loc", "ctx", "source", "help", "regex", "pattern", "placeholder", "widget", "id", "port", "schema",
    ))  # fmt: skip
    _MANY = frozenset((
        "api", "access", "secret", "private", "account", "shared", "signing", "encryption", "fernet", "auth", "refresh", "bearer",
        "ssh", "service", "webhook", "bot", "bearer", "github", "gitlab", "slack",
    ))  # fmt: skip
    _SECRET_URLS = frozenset(("webhook", "hook", "dead_man", "deadman", "ping"))
    _WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")

    @lru_cache(maxsize=4096)
    def kind_of(name: str) -> str:
        """Whether this is the name of a secret: "sure", "loose" where only a value that looks like one is one, "token" where
        that is so in a sentence, "many" where a number is none, "random" where only a random value is one, "" for no."""
        low = [word.lower() for word in _WORDS.findall(name)]
        if not low:
            return ""
        if low[-1] == "identified":
            return "identified"
        last = next((place for place in range(len(low) - 1, -1, -1) if _is_secret(low, place)), -1)
        if last < 0:
            return ""
        rest = [word for word in low[last + 1 :] if not word.isdigit()]
        if rest and rest[0] in _ABOUT and not (rest[0] == "url" and low[last] in _SECRET_URLS):
            return ""
        if rest == ["id"] and low[last] == "secret":
            return "loose"
        if (
            low[last] in {"pass", "auth", "pat", "sas", "otp", "cookie", "bearer"}
            or "routing" in low
            or low[last] == "webhook"
        ):
            return "loose"
        if low[last] in {"tokens", "keys", "apikeys"}:
            return "" if rest else "many" if low[last] == "apikeys" or (last and low[last - 1] in _MANY) else "random"
        return "token" if low == ["token"] else "sure"

    def _is_secret(low: "list[str]", place: int) -> bool:
        word = low[place]
        if word in _SECRETS:
            return True
        if word in {"key", "keys"}:
            return place > 0 and low[place - 1] in KEYS
        if word in {"tokens", "apikeys"}:
            return True
        if word in {"pass", "auth"}:
            return place == len(low) - 1
        if word == "signature":
            return place > 0 and low[place - 1] == "access"
        if word == "webhook" or (word == "str" and place and low[place - 1] in {"conn", "connection"}):
            return True
        if word == "string" and place and low[place - 1] == "connection":
            return True
        if word == "id" and place and low[place - 1] == "session":
            return True
        return any(word.endswith(ending) and word != ending for ending in _ENDINGS)

    def is_secret_name(name: str) -> bool:
        """Whether what is called so is a secret."""
        return kind_of(name) not in {"", "identified", "random"}

    @lru_cache(maxsize=1024)
    def is_beside(name: str) -> bool:
        """Whether what is called so in a secret's object is something else, such as its version."""
        words = _WORDS.findall(name)
        return bool(words) and (words[-1].lower() in _ABOUT or words[-1].lower() in _BESIDE)
    _Form = tuple[tuple[str, ...], "re.Pattern[str]", str]

    @lru_cache(maxsize=1)
    def forms() -> "tuple[tuple[tuple[str, ...], tuple[_Form, ...]], ...]":
        """Forms in groups. A group, and then a form, is tried where the text has one of these in it, in lower case."""
        url, hidden = ("://",), rf"\1{MASK}"
        # A database's address, by the end of its scheme: `u:2024/x@host` is a user and a password there, and no port and path.
        schemes = "res|sql|opg|pg2|cpg|adb|ldb|edb|odb|dis|iss|mqp|qps|srv|ake|dbc|cle|use|ive|ino|sto|ift|tor|ica|nel"
        ported = r"\d{1,5}(?:[\s'\"\\]|[/?#,;)\]][^\s@]{0,300}(?:=|://)|\Z)"
        urls = (
            # scheme://user:password@host, also where the end was cut off; host:port is no password
            (url, r"(://)[^\s/:@'\"<>]{4,500}:(?:x-oauth-basic|x-token-auth|x-access-token|)(?=@)", hidden),
            (
                url,
                rf"(://(?:(?<=(?:{schemes})://)|(?!\w[\w.-]{{0,100}}:\d{{1,5}}[/?,]))[^\s/:@'\"<>]{{0,100}}):"
                rf"(?!{ported}|•••|//)(?:[^\s'\"<>]|['\"<>](?=[\w!$%^*.~@-])){{1,500}}?(?=@[\w\[][^\s@'\"]{{0,500}}(?:[\s'\"]|\Z))",
                rf"\1:{MASK}",
            ),
            (
                url,
                r"(://[^\s/:@'\"<>]{0,100}):(?!\d{1,5}(?:[/?#,;)\]'\"\s\\]|\Z))(?!•••|//)[^\s'\"<>]{1,500}?"
                r"(?:(?=@[^\s@'\"]{0,500}(?:[\s'\"]|\Z))|(?=[\s'\"<>]|\Z))",
                rf"\1:{MASK}",
            ),
            (url, r"(://)(?:(?<=[tT][tT][pP]://)|(?<=[tT][tT][pP][sS]://))(?!git@)[^\s/:@'\"•]{4,500}(?=@)", hidden),
            (url, r"(://)(?=[^\s/:@'\"]*\d)[^\s/:@'\"•]{16,500}(?=@)", hidden),
        )
        databases = (
            (("jdbc:oracle",), r"(?i)(\bjdbc:oracle:\w{1,10}:[\w$#]{1,60}/)(?!•)[^\s@'\"]{1,200}(?=@)", hidden),
            (
                ("sqlplus", "impdp", "expdp", "sqlldr", "userid="),
                r"(?i)(\b(?:(?:sqlplus|impdp|expdp|sqlldr)\s+(?:-\w+\s+){0,3}|userid=)['\"]?[\w$#]{1,60}/)(?!•)[^\s@'\"]{1,200}",
                hidden,
            ),
        )
        addresses = (
            # addresses that are secrets by themselves
            (
                ("hooks.slack",),
                r"(?i)(\bhooks\.slack(?:-gov)?\.com/)(?:services|workflows|triggers)/[\w/.-]{1,200}",
                hidden,
            ),
            (
                ("office.com",),
                r"(?i)(\b(?:webhook\.office\.com|outlook\.office\.com/webhook)[^\s'\"<>/]{0,9}/)(?!•)[^\s'\"<>]{8,400}",
                hidden,
            ),
            (("discord",), r"(?i)(\b(?:discord|discordapp)\.com/api/(?:v\d{1,2}/)?webhooks/)[\w/-]{8,200}", hidden),
            (("api.telegram.org",), r"(?i)(\bapi\.telegram\.org/(?:file/)?bot)[\w:-]{8,200}", hidden),
            (
                (
                    "hc-ping.com/",
                    "healthchecks.io/ping",
                    "hooks.zapier.com",
                    "maker.ifttt.com",
                    "events.pagerduty.com",
                    "hooks.airtable.com",
                    "/api/push/",
                    "/with/key/",
                ),
                r"(?i)((?:\bhc-ping\.com|\bhealthchecks\.io/ping|\bhooks\.zapier\.com/hooks/catch|/with/key|\bevents\.pagerduty\.com/(?:integration|x-ere)"
                r"|\bhooks\.airtable\.com/workflows|/api/push)/)[\w/-]{8,200}",
                hidden,
            ),
        )
        edge = r"(?:\b|(?<=\\[nrt]))"  # also behind the end of a line as a repr writes it
        parameter = r"[\w-]{1,30}=(?:\\{0,8}\"[^\"\n]{0,500}\"|\\{0,8}'[^'\n]{0,500}'|[^\s\"',\\]{1,500})(?:[,;]\s{0,60})?"
        headers = (
            # headers: whatever the scheme, to the end of the value; a Cookie's every cookie
            (
                ("authorization",),
                r"(?i)(\b(?:proxy-)?authorization(?:\\*[\"'])?\s{0,3}[:=,]\s{0,3}b?)(\\*[\"'])((?:(?!\2)(?:\\[^\n]|[^\n\\])){1,4000})(?=\2)",
                rf"\1\2{MASK}",
            ),
            (
                ("authorization",),
                rf"(?i)({edge}(?:proxy-)?authorization(?:\\*[\"'])?[:=])(?!\s{{0,3}}[\"'\\•])\s{{0,3}}(?:[A-Za-z][\w-]{{1,40}}[ \t]{{1,8}}(?=\S))?"
                rf"(?:(?:{parameter}){{1,20}}|[^\s\"'\\]{{1,4000}})",
                rf"\1 {MASK}",
            ),
            (
                ("cookie",),
                r"(?i)(\b(?:set-)?cookie(?:\\*[\"'])?\s{0,3}[:=,]\s{0,3}b?)(\\*[\"'])((?:(?!\2)[^\n]){1,4000})(?=\2)",
                rf"\1\2{MASK}",
            ),
            (
                ("cookie:",),
                rf"(?i)({edge}(?:set-)?cookie:)(?!\s{{0,3}}[\"'\\•])(?:(?!\\{{1,8}}[rn])[^\n\"']|(?<==)\"[^\"\n]{{0,500}}\"){{1,4000}}",
                rf"\1 {MASK}",
            ),
            (
                ("bearer ", "basic "),
                r"(?i)(?:\b|(?<=\\[nrt]))(bearer|basic)[ \t]+(?=[\w.~+/-]*[\d=/+_-]|[A-Za-z]{16})[\w.~+/-]{8,4000}=*(?![\w=\"'(]*=\\*[\"'])",
                rf"\1 {MASK}",
            ),
            (
                ("auth(",),
                r"(Auth\(\s{0,20}\\*[\"'][^\"'\n]{0,100}\\*[\"']\s{0,20},\s{0,20}\\*[\"'])(?!•)[^\"'\\\n]{1,300}",
                hidden,
            ),
            (
                ("auth.user.info",),
                r"(?i)(auth\.user\.info(?:\\*[\"'])?\s{0,3}[=:]\s{0,3}(?:\\*[\"'])?[^:\s\"']{0,100}:)(?!•)[^\s\"'\\,]{1,300}",
                hidden,
            ),
        )
        parameters = (
            (("signature=", "credential="), r"(?i)\b((?:Signature|Credential)=)[\w/+%.-]{16,500}=*", hidden),
            (
                ("sig=", "signature=", "credential=", "token=", "code=", "key=", "hmac=", "auth="),
                r"(?i)([?&;#](?:x-(?:amz|goog)-(?:signature|security-token|credential)|sig|signature|code|key|hmac|skey|auth|t?oken)=)(?!•)[^&\s\"'<>\\)\]]{4,2000}",
                hidden,
            ),
        )
        value = r"(?![•$<-])[^\s'\"=\]]{3,300}"
        commands = (
            # command lines whose secret is a word at its place
            (("vault login",), rf"(\bvault login[ ](?:-[^\s'\"]{{1,100}}[ ]){{0,5}}[ ]{{0,5}}){value}(?![=\w])", hidden),
            (
                ("htpasswd",),
                rf"(\bhtpasswd[ ]{{1,5}}-\w*b\w*[ ]{{1,5}}(?:-\w+[ ]{{1,5}}){{0,5}}\S{{1,200}}[ ]{{1,5}}\S{{1,100}}[ ]{{1,5}}){value}",
                hidden,
            ),
            (
                ("rabbitmqctl",),
                rf"(\brabbitmqctl[ ][^\n|;]{{0,100}}?(?:add_user|change_password|authenticate_user)[ ]{{1,5}}\S{{1,100}}[ ]{{1,5}}){value}",
                hidden,
            ),
            (
                ("config set", "configure set"),
                rf"(?i)(\bconfig(?:ure)? set[ ]{{1,5}}\S{{0,100}}?(?:token|password|secret|_key|_auth)\w{{0,20}}[ ]{{1,5}}){value}",
                hidden,
            ),
            (("rclone",), rf"(\brclone obscure[ ]{{1,5}}){value}", hidden),
            (("/user:",), rf"(?i)(\bnet use[ ][^\n|;]{{0,200}}?/user:\S{{1,100}}[ ]{{1,5}}){value}", hidden),
            (
                ("alias set", "host add"),
                rf"(\bmc (?:alias set|config host add)[ ]{{1,5}}\S{{1,60}}[ ]{{1,5}}\S{{1,200}}[ ]{{1,5}}\S{{1,100}}[ ]{{1,5}}){value}",
                hidden,
            ),
            (
                ("connect to ",),
                rf"(?i)(\bconnect to \S{{1,60}} user[ ]{{1,5}}\S{{1,60}}[ ]{{1,5}}using[ ]{{1,5}}['\"]?){value}",
                hidden,
            ),
            (
                ("echo ", "printf "),
                r"(?i)(\b(?:echo|printf)\s+(?:-n\s+)?[\"']?)(?!•)[^\s\"'|]{3,300}(?=[\"']?\s*\|[^\n]{0,80}(?:--password-stdin|(?:ch)?passwd|--pinentry|sudo\s+-S))",
                hidden,
            ),
        )
        words = (
            (("secretstr(", "secretbytes("), r"(?i)(\bSecret(?:Str|Bytes)\(b?\\*[\"'])(?!•|\*+\\*[\"'])[^\"'\\\n]{1,500}", hidden),
            (("pass:", "-passin", "-passout"), r"(?i)(-pass(?:in|out)\s+['\"]?pass:|\bpass:(?=\S{6}))(?!•)[^\s'\"]{1,200}", hidden),
            (("pass ",), r"(?m)((?:^|\*cmd\* |[>'\"]\s?)b?[\"']?PASS )(?!•)(?=[^\s'\"]{1,200}(?:['\"]?\s*$|\\r|\r|'))[^\s'\"\\]{1,200}", hidden),
            (("machine ", "default "), r"(?i)(\b(?:machine|default)\s[^\n]{0,200}?\bpassword\s+)(?!•)\S{1,200}", hidden),
            (("key provided",), r"(?i)(\bkey\s+provided:\s*)(?!•)[^\s'\",;]{6,300}(?<![.])", hidden),
        )  # fmt: skip
        groups = (
            (url, urls), (("jdbc:", "sqlplus", "impdp", "expdp", "sqlldr", "userid="), databases), ((".com/", ".org/",
            "healthchecks.io/", "/api/push/", "/with/key/"), addresses),
            (("auth", "cookie", "bearer", "basic "), headers), (("?", "&", ";", "#", "signature", "cred"), parameters),
            (("vault login", "htpasswd", "rabbitmqctl", "rclone", "config set", "configure set", "/user:", "alias set",
            "host add", "connect to ", "echo ", "printf "), commands), (("pass", "secret", "provided"), words),
        )  # fmt: skip
        return tuple(
            (doors, tuple((gates, re.compile(pattern), instead) for gates, pattern, instead in forms))
            for doors, forms in groups
        )
    _TAKES = (
        (r"curl", "-u -U -E --user --proxy-user --cert --proxy-cert", ":", ""),
        (r"curl", "-b --cookie", "=", ""),
        (r"curl|keytool|jarsigner", "--pass --proxy-pass -storepass -keypass -srcstorepass -deststorepass", "apart", ""),
        (r"https?|xh|wget|svn", "-u -a --auth --user", ":", ""),
        (r"lftp", "-u --user", ",", ""),
        (r"smb\w+|rpcclient|winexe|net", "-U --user", "%", ""),
        (r"mysql\w*|mariadb[\w-]*|my(?:dumper|loader)|sshpass|mongo\w*|twine|7z\w?|(?:un)?rar|cqlsh|beeline|ncftp\w+|rdesktop", "-p", "", ""),
        (r"docker|podman|nerdctl|buildah|skopeo|oras|crane|helm|az|oc|cf|ibmcloud", "-p", "", "login"),
        (r"airflow", "-p", "", "users"),
        (r"kubectl|oc", "--from-literal", "==", "secret"),
        (r"(?:redis|valkey)-cli", "-a", "", ""),
        (r"ldap\w+|kinit|vsql", "-w", "", ""),
        (r"sqlcmd|bcp|osql|tsql|freebcp|(?:un)?zip|mosquitto_\w+|ipmitool|ssh-keygen", "-P", "", ""),
        (r"ssh-keygen", "-N", "apart", ""),
        (r"snmp\w+", "-A -X -c", "apart", ""),
        (r"plink|pscp|psftp|nzsql|nzload", "-pw", "apart", ""),
        (r"openssl", "-k -K", "apart", "enc"),
        (r"[xw]freerdp3?", "/p:", "", ""),
        (r"swaks", "-ap", "apart", ""),
    )  # fmt: skip
    OPTION = re.compile(r"-(?<=[\s'\"]-)[A-Za-z-]")
    _MOST = 40  # words
    _PROGRAM = re.compile(rf"(?<![\w.-])(?:{'|'.join(one for one, _, _, _ in _TAKES)})(?=\\{{0,8}}[\"']|\s)")
    _GAP = re.compile(
        r"(?:(?:\\{0,8}[\"'])?,?(?:[ \t]|\\\r?\n|\\{2,8}n|\n(?=[ \t]{0,60}b?[\"'])){1,80}|\\{0,8}[\"'],(?=b?\\{0,8}[\"']))(b?\\{0,8}[\"'])?"
    )
    _BARE = re.compile(r"(?:[^\s\"'|;&<>()\\]|\\[^\s\"'])+")
    _BUNDLED = re.compile(r"-[fsSkLvigGIjlnNORqaB0-9#Z]{1,12}(?=[uUEb])")
    _VARIABLE = re.compile(r"\$\{?\w+\}?\Z|<[\w -]+>\Z|%\w+%\Z")

    def without_arguments(text: str) -> str:
        """Values of options that are secrets."""
        parts, done, last, read = list[str](), 0, "", 0
        for program in _PROGRAM.finditer(text):
            if program[0] == last and program.start() < read:
                continue
            spans, read = _values(text, program.end(), _options(program[0]))
            last = program[0]
            for begin, end in spans:
                if begin >= done and not text.startswith(MASK, begin):
                    parts += [text[done:begin], MASK]
                    done = end
        return "".join(parts) + text[done:]

    @lru_cache(maxsize=256)
    def _options(program: str) -> "dict[str, tuple[str, str]]":
        """The options of this program that take a secret, with the part that is it and the word that stands in front."""
        taken = [row for row in _TAKES if re.fullmatch(row[0], program)]
        return {option: (part, word) for _, options, part, word in taken for option in options.split()}

    def _values(text: str, at: int, options: "dict[str, tuple[str, str]]") -> "tuple[list[tuple[int, int]], int]":
        """The secrets in the words from here, and where the last of the words ends."""
        spans, begun, waiting = list[tuple[int, int]](), at, ""
        for _ in range(_MOST):
            found = _word(text, at)
            if found is None:
                break
            begin, end, at = found
            option, begin = (waiting, begin) if waiting else _option(text, begin, end, options)
            waiting = option if option and begin == end else ""
            if option and begin < end:
                part, word = options[option]
                span = _part(text, begin, end, part) if word in text[begun:begin] else None
                spans += [] if span is None else [span]
        return spans, at

    def _word(text: str, at: int) -> "tuple[int, int, int] | None":
        """The next word of the command line: where it begins and ends, without its quotes, and where the following may begin."""
        gap = _GAP.match(text, at)
        if gap is None:
            return None
        begin = gap.end()
        if gap[1]:
            end = _closed(text, begin, gap[1].lstrip("b"))
            return begin, end, end
        bare = _BARE.match(text, begin)
        if bare is None:
            return None
        end = bare.end()
        quote = re.compile(r"\\{0,8}[\"']").match(text, end) if text[end - 1] == "=" or end - begin == 2 else None
        if quote is not None:
            end = _closed(text, quote.end(), quote[0])
        return begin, end, end

    def _closed(text: str, begin: int, quote: str) -> int:
        end = text.find(quote, begin, begin + 2_000)
        line = text.find("\n", begin, begin + 2_000)
        return end if end >= 0 and not 0 <= line < end else line if line >= 0 else min(len(text), begin + 2_000)

    def _option(text: str, begin: int, end: int, options: "dict[str, tuple[str, str]]") -> "tuple[str, int]":
        """The option in this word and where its value begins; at the word's end where that is the next word."""
        word = text[begin:end]
        if word in options:
            return word, end
        name, sign, _ = word.partition("=")
        if sign and name in options:
            return name, begin + len(name) + 1
        bundle = _BUNDLED.match(word) if "-U" in options and "-E" in options else None
        at = bundle.end() - 1 if bundle else 0
        short = "/p:" if word.startswith("/p:") else "-" + word[at + 1 : at + 2]
        if word[:1] in {"-", "/"} and not word.startswith("--") and options.get(short, ("apart",))[0] != "apart":
            return short, begin + at + len(short)
        return "", end

    def _part(text: str, begin: int, end: int, part: str) -> "tuple[int, int] | None":
        while begin < end and text[begin] in "\\\"'":
            begin += 1
        place = text.find(part[0], begin, end) if part in {":", ",", "%", "=", "=="} else begin
        if place < 0:
            return None
        begin = place + 1 if part in {":", ",", "%", "=="} else begin
        while end > begin and text[end - 1] in ",]":
            end -= 1
        value = text[begin:end]
        plain = not value or is_no_value(value, "", kind="sure", quoted=True) or _VARIABLE.match(value)
        return None if plain or value.startswith("//") else (begin, end)
    def without_vendors(text: str) -> str:
        """Tokens that need no name."""
        beginnings, others = shapes()
        if beginnings.search(" " + text):
            text = beginnings.sub(rf"\1{MASK}", " " + text)[1:]
        for gate, pattern in others:
            if gate.search(text):
                text = pattern.sub(MASK, text)
        return text

    @lru_cache(maxsize=1)
    def shapes() -> "tuple[re.Pattern[str], tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]]":
        """The token families of the big vendors: by what their tokens begin with, behind a sign, in one pattern whose branches are
        sorted by their first letter; and those that begin with anything, each with what they have in them, which is looked for first."""
        beginnings = (
            r"A(?:KIA|SIA|ROA|IDA|GPA|NPA|BIA|CCA)[A-Z0-9]{12,}", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}",
            r"xapp-[A-Za-z0-9-]{8,}", r"xwfp-[A-Za-z0-9-]{8,}", r"gh[pousr]_[A-Za-z0-9]{16,}", r"github_pat_[A-Za-z0-9_]{16,}",
            r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[A-Za-z0-9_.-]{16,}", r"GR1348941[A-Za-z0-9_-]{16,}",
            r"sk-[A-Za-z0-9_-]{16,}", r"sk_(?:live|test|prod)_[A-Za-z0-9]{8,}", r"pk_(?:live|test|prod)_[A-Za-z0-9]{8,}", r"rk_(?:live|test|prod)_[A-Za-z0-9]{8,}", r"whsec_[A-Za-z0-9+/=_-]{16,}",
            r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", r"key-[0-9a-f]{30,}", r"SK[0-9a-f]{30,}", r"AIza[A-Za-z0-9_-]{30,}",
            r"ya29\.[A-Za-z0-9_.-]{16,}", r"GOCSPX-[A-Za-z0-9_-]{16,}", r"1//0[A-Za-z0-9_-]{20,}",
            r"dapi[0-9a-f]{30,}(?:-[0-9])?", r"dose[0-9a-f]{30,}", r"dkea[0-9a-f]{30,}", r"hv[sbr]\.[A-Za-z0-9_-]{20,}",
            r"s\.[A-Za-z0-9]{24}(?![A-Za-z0-9_])", r"npm_[A-Za-z0-9]{30,}", r"pypi-[A-Za-z0-9_-]{30,}",
            r"rubygems_[0-9a-f]{40,}", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}",
            r"NR(?:AK-[A-Z0-9]{20,}|JS-[0-9a-f]{15,}|II-[A-Za-z0-9_-]{20,})", r"shp(?:at|ca|pa|ss|tk)_[0-9a-fA-F]{20,}",
            r"EAAA[A-Za-z0-9_-]{40,}", r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,}", r"lin_(?:api|oauth)_[A-Za-z0-9]{20,}",
            r"secret_[A-Za-z0-9]{30,}", r"ntn_[A-Za-z0-9]{30,}", r"AT(?:ATT|CTT|BB)[A-Za-z0-9_=.-]{20,}",
            r"pn[ub]_[A-Za-z0-9]{20,}", r"hf_[A-Za-z0-9]{20,}", r"dbt[cu]_[A-Za-z0-9_-]{20,}", r"glsa_[A-Za-z0-9_]{20,}",
            r"glc_[A-Za-z0-9+/=]{20,}", r"do[por]_v1_[0-9a-f]{40,}", r"PMAK-[0-9a-z-]{40,}", r"sntry[su]_[A-Za-z0-9_=+/-]{30,}",
            r"figd_[A-Za-z0-9_-]{30,}", r"ph[cx]_[A-Za-z0-9]{30,}", r"rdme_[a-z0-9]{40,}", r"tfp_[A-Za-z0-9_]{30,}",
            r"pul-[0-9a-f]{38,}", r"fo1_[A-Za-z0-9_-]{30,}", r"EZ[AT]K[A-Za-z0-9]{30,}",
            r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{30,}", r"AGE-SECRET-KEY-1[0-9A-Z]{50,}", r"r8_[A-Za-z0-9]{30,}",
            r"sbp_[0-9a-f]{38,}", r"xai-[A-Za-z0-9]{40,}", r"gsk_[A-Za-z0-9]{30,}", r"pplx-[A-Za-z0-9]{30,}",
            r"pat[A-Za-z0-9]{14}\.[0-9a-f]{60,}", r"HRKU-[A-Za-z0-9_-]{30,}", r"CFPAT-[A-Za-z0-9_-]{30,}",
            r"ops_ey[A-Za-z0-9_-]{40,}", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*",
        )  # fmt: skip
        edge = "(?<![A-Za-z0-9_])"
        others = (
            ("-us", edge + r"[0-9a-f]{30,}[0-9a-z]{0,2}-us[0-9]{1,2}"),
            (r"\.atlasv1\.", edge + r"[A-Za-z0-9]{8,20}\.atlasv1\.[A-Za-z0-9_-]{30,}"),
            ("Q~", edge + r"[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,40}"),
            (":AA", edge + r"[0-9]{7,10}:AA[A-Za-z0-9_-]{30,}"),
            (r"[MNO](?<![A-Za-z0-9_].)[A-Za-z0-9_-]{23}", r"[MNO](?<![A-Za-z0-9_].)(?<![A-Za-z0-9_].)[A-Za-z0-9_-]{23,26}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}"),
            (r"=(?<=[A-Za-z0-9_-]{43}=)(?![=A-Za-z0-9])", f"{edge}[A-Za-z0-9_-]{{43}}=(?![=A-Za-z0-9])"),
        )  # fmt: skip
        by_letter = dict[str, list[str]]()
        for pattern in beginnings:
            for one in pattern.split("|") if "(" not in pattern else [pattern]:
                by_letter.setdefault(one[0], []).append(one[1:])
        one_pattern = "|".join(f"{re.escape(letter)}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())
        begin = re.compile(rf"([^A-Za-z0-9_])(?=[A-Za-z0-9_.-]{{5}}|1//0)(?:{one_pattern})")
        return begin, tuple((re.compile(gate), re.compile(pattern)) for gate, pattern in others)
    _BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
    _END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
    _BASE64 = re.compile(
        r"(?:[A-Za-z0-9+/=\s]|\\+[nr]|\\+u000[adAD]|&#1[03];)*(?:(?:Proc-Type|DEK-Info|Version|Comment): [^\n]{1,80}\n(?:[A-Za-z0-9+/=\s]|\\+[nr]|\\+u000[adAD]|&#1[03];)*){0,4}"
    )
    _MOST_KEY_LINES, _LONGEST_PREFIX = 400, 300
    _NEXT_PART = re.compile(
        r"['\"]?,?\s{0,60}b?['\"](?=[A-Za-z0-9+/]{16})|[^\n]{0,160}?(?<![A-Za-z0-9+/])(?=[A-Za-z0-9+/]{40,100}={0,2}(?![\w.+/-]))"
        r"|[^\n]{0,160}?(?<![A-Za-z0-9+/])(?=[A-Za-z0-9+/]{0,40}[0-9])(?=[A-Za-z0-9+/]{0,40}[A-Z])(?=[A-Za-z0-9+/]{8,100}={0,2}\Z)"
    )
    _LINE_OF_KEY = re.compile(r"(?<![A-Za-z0-9+/])([A-Za-z0-9+/]{20,100}={0,2})[ \t'\",]{0,5}\Z")
    _SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
    _RUN = re.compile(
        r"[A-Za-z0-9+/=]*(?:(?:\s{1,20}|\\{1,4}n)[A-Za-z0-9+/]{40,}={0,2})*(?:(?:\n[ ]{0,20}|\\{1,4}n)[A-Za-z0-9+/]{1,100}={1,2})?"
    )
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
    _CLOSING = {"(": ")", "[": "]", "{": "}"}
    _DEEPEST, _MOST_PARTS = 6, 100
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
    _TAGS = re.compile(r"(?:(?:!{1,2}[\w:./-]{0,40}|&[\w-]{1,40})[ \t]{1,3}){1,2}(?=\S)")
    _INDICATOR = re.compile(r"[|>][0-9+-]{0,2}[ \t]{0,3}(?=\r?\n|(?:\\{1,4}r)?\\{1,4}n)")
    _BREAK = re.compile(r"[ \t]{0,3}(?:\r?\n|(?:\\{1,4}r)?\\{1,4}n)")
    _LINE = re.compile(
        r"([ \t]*)((?:-[ \t]{1,3})*)([\"']?[\w.][\w./ -]{0,80}[\"']?[ \t]{0,3}:(?=\s|\\{1,4}[rn]|\Z)[ \t]{0,3})?"
    )
    _LINE_ENDS = re.compile(r"\r?\n|(?:\\{1,4}r)?\\{1,4}n|\Z")
    _SECRET_KIND = re.compile(r"\bkind\\*[\"']?\s{0,3}:\s{0,3}\\*[\"']?Secret\b")
    _DATA = re.compile(r"(?<![\w.])(?:stringData|data)\\*[\"']?\s{0,3}:[ \t]{0,3}")
    _MOST_LINES = 400

    def block_values(text: str, left: int, at: int, name: str, kind: str) -> "list[tuple[int, int]] | None":
        """The values below this name or behind a tag, None where the value is a plain one that begins here."""
        tags = _TAGS.match(text, at)
        at = tags.end() if tags else at
        indicator = _INDICATOR.match(text, at)
        if indicator is not None:
            begin, end = _scalar(text, indicator.end(), _indent(text, left))
            return [] if begin >= end or is_no_value(text[begin:end], name, kind=kind, quoted=True) else [(begin, end)]
        if _BREAK.match(text, at):
            return _below(text, at, _indent(text, left), name, kind)
        return values_at(text, at, name, kind=kind) if tags else None

    def without_manifests(text: str) -> str:
        """Kubernetes Secrets without their data."""
        documents = text.split("\n---")
        return "\n---".join([_manifest(one) if _SECRET_KIND.search(one) else one for one in documents])

    def _manifest(text: str) -> str:
        parts, done = list[str](), 0
        for data in _DATA.finditer(text):
            if data.start() < done:
                continue
            if _BREAK.match(text, data.end()):
                spans = _below(text, data.end(), _indent(text, data.start()), "data", "all")
            else:
                spans = values_at(text, data.end(), "data", kind="all") if text[data.end() : data.end() + 1] == "{" else []
            for begin, end in spans:
                if begin >= done and not text.startswith(MASK, begin):
                    parts += [text[done:begin], MASK]
                    done = end
        return "".join(parts) + text[done:]

    def _indent(text: str, at: int) -> int:
        """How far the line of this place is indented."""
        first = max(0, at - 300)
        written = text.rfind("\\n", first, at)
        begin = max(text.rfind("\n", first, at) + 1, written + 2 if written >= 0 else 0)
        return len(text[begin:at]) - len(text[begin:at].lstrip(" \t"))

    def _scalar(text: str, at: int, indent: int) -> "tuple[int, int]":
        """A block scalar: the lines that are indented further than this."""
        begin = end = limit = min(len(text), at + LONGEST_VALUE)
        for _ in range(_MOST_LINES):
            line_break = _BREAK.match(text, at, limit)
            if line_break is None:
                break
            line = _LINE_ENDS.search(text, line_break.end(), limit)
            stop = line.start() if line else limit
            content = text[line_break.end() : stop]
            if content.strip():
                if len(content) - len(content.lstrip(" \t")) <= indent:
                    break
                begin = min(begin, stop - len(content.lstrip(" \t")))
                end = stop
            at = stop
        return (begin, end) if begin < limit else (at, at)

    def _below(text: str, at: int, indent: int, name: str, kind: str) -> "list[tuple[int, int]]":
        """The values in the list or the mapping that is indented further than this, or as far where it is a list."""
        listed = name.lower().endswith("passwords")
        spans, key, vague, limit = list[tuple[int, int]](), "", is_vague(name), min(len(text), at + LONGEST_VALUE)
        for _ in range(_MOST_LINES):
            line_break = _BREAK.match(text, at, limit)
            line = _LINE.match(text, line_break.end(), limit) if line_break else None
            if line is None:
                break
            ends = _LINE_ENDS.search(text, line.end(), limit)
            stop = ends.start() if ends else limit
            depth = len(line[1])
            if line[0] == line[1] and line.end() == stop:  # an empty line
                at = stop
                continue
            if depth < indent or (depth == indent and not line[2]):
                break
            if not (line[2] or line[3]):
                break
            key = line[3].split(":")[0].strip("\"' \t") if line[3] else key
            begin, at = line.end(), stop
            tags = _TAGS.match(text, begin, stop)
            begin = tags.end() if tags else begin
            hidden = kind == "all" or not is_beside(key)
            if _INDICATOR.match(text, begin):
                span = _scalar(text, stop, depth)
                spans += [span] if hidden and not vague and span[0] < span[1] else []
                at = max(at, span[1])
            elif hidden and begin < stop:
                quote = QUOTE.match(text, begin)
                inner = quote.end() if quote else begin
                end = min(stop, closing(text, inner, quote[0])) if quote else begin + len(text[begin:stop].rstrip())
                value = text[inner:end]
                if not quote and kind != "all" and " " in value:  # a sentence, or a value with a remark
                    value, end = value.split(" ")[0], inner + value.index(" ")
                    hidden = is_odd(value)
                if hidden and is_leaf(value, name, key, kind, listed or bool(quote), vague, bool(line[3])):
                    spans.append((inner, end))
        return spans
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
    _CELL_ENDS = re.compile(r"[\w.-]*\"?(?:\x1b\[[0-9;]{0,12}m)?[ \t]{0,60}(?:[,;\t|│┃\r\n]|\\n|\Z)")
    _NEWLINE = re.compile(r"\r?\n|(?:\\{1,4}r)?\\{1,4}n")
    _RULE = re.compile(r"[ \t(]*[|+├╞┣│]?[-=+|: ─┼━╪╋│]{3,}\s*\Z")
    _NO_ROW = re.compile(r"(?i)\s*(?:from|where|values|join|and|order|group|set|select|union)\b|[^,;]*:\s|\s*\Z")
    _COLUMN = re.compile(r"\"?[A-Za-z_][\w.-]*\"?\Z")
    _CELL = re.compile(r"\x1b?[\w.-]+\Z")
    _TYPE = re.compile(r"[a-z]+\(\d+\)\Z")
    _LONGEST, _NEAR, _MOST_ROWS = 2_000, 200, 500  # characters of a line and around a name, lines of a table

    def without_tables(text: str, places: "list[int]") -> str:
        """The cells in columns of secrets, and the cell beside a secret's name in a table of two columns."""
        parts, done, read = list[str](), 0, 0
        for place in places:
            if place < read or not _CELL_ENDS.match(text, place):
                continue
            first = max(0, place - _LONGEST)
            written = text.rfind("\\n", first, place)
            begin = max(text.rfind("\n", first, place) + 1, written + 2 if written >= 0 else 0)
            if begin < first or len(_line(text, begin)[0]) >= _LONGEST:  # a long line: what is near to the name
                begin, limit = max(begin, place - _NEAR), 2 * _NEAR
            else:
                limit = _LONGEST
            spans, read = _of_header(text, max(begin, min(read, place)), limit)
            for start, end in spans:
                if start >= done:
                    parts += [text[done:start], MASK]
                    done = end
        return "".join(parts) + text[done:] if parts else text

    def _of_header(text: str, begin: int, limit: int) -> "tuple[list[tuple[int, int]], int]":
        """The secret cells below the line that begins here, or beside the name in it; and where the next line to look at begins."""
        line, following = _line(text, begin, limit)
        ends = begin + len(line)
        sign = next((one for one in "|│┃" if one in line), "")
        if not sign:
            line, sign = _listed(line)
            cells = _cells(line, 0, sign) if sign else []
        else:
            cells = _cells(line, 0, sign)
            if not _RULE.match(_line(text, following)[0]):
                return _beside(line, cells, begin), ends
            following = _line(text, following)[1]
        kinds = {n: kind for n, (a, b) in enumerate(cells) if (kind := kind_of(line[a:b]))}
        spans, at = list[tuple[int, int]](), following
        for _ in range(_MOST_ROWS if kinds and following < len(text) else 0):
            line, following = _line(text, at)
            row = _cells(line, at, sign)
            if _RULE.match(line) and sign not in ",;\t":
                row = cells
            elif len(row) != len(cells) or (sign in ",;\t" and _NO_ROW.match(line)):
                break
            else:
                spans += [row[n] for n, kind in kinds.items() if _is_in_cell(text[row[n][0] : row[n][1]], kind)]
            if following <= at:
                break
            at = following
        return spans, max(ends, at if kinds else 0)

    def _listed(line: str) -> "tuple[str, str]":
        """The names at the end of a line that nothing but a sign is between, and the sign."""
        line = line.rstrip(" ")
        for sign in ",;\t":
            at = len(line) if sign in line else 0
            while at and (line[at - 1].isalnum() or line[at - 1] in {"_", ".", "-", '"', sign}):
                at -= 1
            names = line[at:].strip(sign).split(sign)
            if len(names) > 1 and (at == 0 or line[at - 1] in " :>([='") and all(_COLUMN.match(name) for name in names):
                return line[at:].strip(sign), sign
        return "", ""

    def _line(text: str, begin: int, limit: int = _LONGEST) -> "tuple[str, int]":
        """The line that begins here, and where the next one does."""
        newline = _NEWLINE.search(text, begin, begin + limit)
        if newline is None:
            return text[begin : begin + limit], min(len(text), begin + limit)
        return text[begin : newline.start()], newline.end()

    def _cells(line: str, offset: int, sign: str) -> "list[tuple[int, int]]":
        """Where the cells of a line are, without the space and the quotes around them."""
        spans, at = list[tuple[int, int]](), 0
        while at <= len(line):
            end = line.find('"', at + 1) if line[at : at + 1] == '"' else at
            end = line.find(sign, max(end, at))
            end = len(line) if end < 0 else end
            cell = line[at:end]
            begin = at + len(cell) - len(cell.lstrip('" \t'))
            spans.append((offset + begin, offset + max(begin, at + len(cell.rstrip('" \t')))))
            at = end + 1
        return spans

    def _beside(line: str, cells: "list[tuple[int, int]]", offset: int) -> "list[tuple[int, int]]":
        """The value in a row of a name and a value."""
        filled = [(a, b) for a, b in (cells[1:-1] if len(cells) > 3 else cells) if a < b]
        if len(filled) != 2 or not line[filled[0][1] :].lstrip()[:1]:
            return []
        (a, b), (begin, end) = filled
        name, value = line[a:b].rsplit(" ", 1)[-1], line[begin:end]
        kind = kind_of(name) if _CELL.match(name) and (" " in line[b:begin] or len(cells) > 3) else ""
        odd = is_odd(value) and not value.isdigit() and " " not in value and not _TYPE.match(value)
        return [(offset + begin, offset + end)] if kind and odd and _is_in_cell(value, kind) else []

    def _is_in_cell(value: str, kind: str) -> bool:
        return (
            bool(value)
            and not value.startswith(MASK)
            and not is_no_value(value, "", kind="random" if kind == "token" else kind, quoted=True)
        )
    _LONGEST_NAME = 120  # characters
    _NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
    _NEXT_LINE = re.compile(r"\n[ \t]+(?![-#{\[])([^\s:=]{5,500})[ \t]*(?=\n|\Z)")
    _WORD_BEFORE = re.compile(r"(\w{3,20}) \Z")
    _IDENTIFIED = re.compile(r"(?i)\s+BY\s+(?:VALUES?\s+|PASSWORD\s+)?")
    _COLOUR = r"(?:(?:\x1b|\\x1b|\\u001b|\\033)\[[0-9;]{0,12}m){0,3}"
    _COLOUR_BEFORE = re.compile(r"(?:\x1b|\\x1b|\\u001b|\\033)\[[0-9;]{0,12}m")
    _SIGN = re.compile(
        rf"[\])]{{0,2}}{_COLOUR}[ \t]{{0,3}}(=>|:=|==|[:=,>]|\\{{1,4}}(?:u003|x3)[adAD]|&#(?:x3[ad]|58|61);){_COLOUR}[ \t]{{0,3}}{_COLOUR}(?:N(?='))?"
    )
    _PAIR = re.compile(
        r"(?i)(?:</name>\s*<value>|(?:,|;|\\+n|\s)[\s\\n,]{0,40}(?:--)?\\*[\"']?(?:value|defaultvalue|default|stringvalue)\\*[\"']?\s{0,3}[:=]\s{0,3})"
    )
    _NEXT_ITEM = re.compile(
        r"(?:\s|\\+[nr]){1,60}-\s{1,3}(?=\S)|\s{0,3}(?:\\\n|\n\s|\n(?=\S{1,500}(?:\n|\Z)))\s{0,60}(?=[^\s-])"
    )
    _COMMA = re.compile(r"\s{0,3},(?:\s|\\+[nr]){1,60}")
    _KEY_ENDS = re.compile(r"\\*[\"']\s{0,3}:")
    _FIRST_OF_TWO, _LAST_OF_TWO = re.compile(r"[(\[]\s{0,60}b?\\*[\"']\Z"), re.compile(r"\\*[\"'],?\s{0,60}[)\]]")
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
            if text[left - 1 : left] == "\\" and text[left] in "nrt":  # the end of a line as it is written in a repr
                left += 1
            if "m" in text[left:place] and (colour := _COLOUR_BEFORE.search(text, max(0, left - 16), place)):
                left = max(left, colour.end())
            position = right
            for begin, end in _values_of(text, left, right):
                if begin >= done and not text.startswith(MASK, begin):
                    parts += [text[done:begin], MASK]
                    done, position = end, max(position, end)
        return "".join(parts) + text[done:]

    def _values_of(text: str, left: int, right: int) -> "list[tuple[int, int]]":
        """Where the values stand that belong to the name at this place; none when it is no secret's."""
        name = text[left:right]
        kind = kind_of(name)
        if not kind and name.lower() == "key" and text[left - 1 : left] == " ":
            before = _WORD_BEFORE.search(text, max(0, left - 30), left)
            kind = "spaced" if before is not None and before[1].lower() in KEYS else ""
        if not kind:
            return []
        if kind == "identified":
            match = _IDENTIFIED.match(text, right)
            return values_at(text, match.end(), name, kind="sure") if match else []
        quote = QUOTE.match(text, right)
        quoted = quote is not None and left > 0 and (text[left - 1] == quote[0][-1] or text.endswith(quote[0], 0, left))
        begun = quote is not None and text[left - 1 : left] != " "  # its first quote was cut off: `password":"…`
        after = quote.end() if quote is not None and (quoted or begun) else right
        pair = _PAIR.match(text, after)
        if pair is not None:
            return values_at(text, pair.end(), name, kind="sure")
        beside = paired(text, left, right, name, kind)
        if beside:
            return beside
        dashed = _is_option(text, left)
        item = _NEXT_ITEM.match(text, after) if dashed else None
        sign = _SIGN.match(text, after) if item is None else None
        if item is not None:
            return values_at(text, item.end(), name, kind="sure")
        if sign is None:
            if beside is not None and quoted:
                return []
            return _next_item(text, left, after, name, dashed) if quoted else _unsigned(text, left, right, name, kind)
        if sign[1] == ",":
            return _next_item(text, left, after, name, dashed) if quoted and beside is None else []
        if sign[1] == ">":
            end = text.find("<", sign.end(), sign.end() + LONGEST_VALUE)
            tag = end > sign.end() and text[left - 1 : left] in {"<", ":", '"', "'"}
            return [(sign.end(), end)] if tag else []
        if sign[1] == ":" and text[sign.end() : sign.end() + 1] in _BLOCKS:
            block = block_values(text, left, sign.end(), name, "sure" if kind == "token" else kind)
            if block is not None:
                return block or _on_the_next_line(text, sign.end(), name)
        in_a_sentence = sign[1] == ":" and not quoted and sign[0].endswith(" ")
        usual = "sure" if kind in {"spaced", "token"} else kind
        return values_at(text, sign.end(), name, kind=_SPOKEN.get(kind, usual) if in_a_sentence else usual)

    def _is_option(text: str, left: int) -> bool:
        return text.startswith("--", left) or (text[left] == "-" and not text[left - 1 : left].strip("\"' \t\n"))

    def _next_item(text: str, left: int, after: int, name: str, dashed: bool) -> "list[tuple[int, int]]":
        """The next text of a list: behind an option, on the same line, or as the second of two."""
        comma = _COMMA.match(text, after)
        if comma is None or not QUOTE.match(text, comma.end() + (text[comma.end() : comma.end() + 1] == "b")):
            return []
        span = value_at(text, comma.end(), name, kind="sure")
        if span is None or _KEY_ENDS.match(text, span[1]) or (not dashed and is_secret_name(text[span[0] : span[1]])):
            return []
        if dashed or "\n" not in comma[0]:
            return [span]
        first = _FIRST_OF_TWO.search(text, max(0, left - 70), left)
        return [span] if first is not None and _LAST_OF_TWO.match(text, span[1]) else []
    _BLOCKS = frozenset("\n\r\\|>!&")
    _SPOKEN = {"spaced": "spaced", "token": "loose"}  # `invalid API key: …`, `unexpected token: FROM`

    def _on_the_next_line(text: str, at: int, name: str) -> "list[tuple[int, int]]":
        line = _NEXT_LINE.match(text, at)
        if line is None or not (is_random(line[1]) or is_odd(line[1])):
            return []
        return values_at(text, line.start(1), name, kind="sure")

    def _unsigned(text: str, left: int, right: int, name: str, kind: str) -> "list[tuple[int, int]]":
        """`--password X`, `PASSWORD 'X'`, `password is X`: no sign stands between the name and the value."""
        if text[right : right + 1] not in {" ", "\t"}:
            return []
        start = right
        while text[start : start + 1] in {" ", "\t"} and start - right < 4:
            start += 1
        if _is_option(text, left):
            if text[start : start + 1] in {"-", "", "\n"} or text.startswith(
                name.strip("-").upper().replace("-", "_"), start
            ):
                return []  # `--password PASSWORD` is how a program is used
            return values_at(text, start, name, kind="sure")
        said = _SAID.match(text, start)
        span = value_at(text, said.end() if said else start, name, kind="spaced" if kind == "spaced" else "sure")
        if span is None:
            return []
        value, passes = text[span[0] : span[1]], "pass" in name.lower() or "pwd" in name.lower()
        if passes and (QUOTE.match(text, said.end() if said else start) or (said and is_odd(value))):
            return [span]
        return [span] if is_random(value) and (is_mixed(value) or passes) else []
    _BEFORE_A_NAME = re.compile(r"[\s('\"]")
    _LITERAL = re.compile(r"'((?:[^'\\\n]|\\.){1,2000})'(?!\s*:)")

    def without_columns(text: str) -> str:
        """Literals behind a column list, and the parameters of a statement that names a secret's column."""
        parts, done = list[str](), 0
        for found in re.finditer(r"(?i)\(([\w\s,.\"`\[\]]{3,2000})\)\s*(?:output\s[^()]{0,200})?values\s*(?=\()", text):
            columns = [part.strip(' \t\n"`[]') for part in found[1].split(",")]
            hidden = {place for place, column in enumerate(columns) if is_secret_name(column)}
            if not hidden or found.start() < done:
                continue
            for begin, end in _items(text, found.end(), hidden):
                parts += [text[done:begin], MASK]
                done = end
        text = "".join(parts) + text[done:]
        parts, done, seen = [], 0, 0
        for found in re.finditer(r"\[parameters: (?=[(\[])", text):
            sql = text[max(text.rfind("[SQL:", seen, found.start()), seen, found.start() - 4_000) : found.start()]
            stop = text.find("\n", found.end())
            following = text.find("[parameters: ", found.end(), stop if stop > 0 else len(text))
            seen = min(at for at in (stop, following, len(text)) if at > 0)
            names = re.findall(r"[A-Za-z_][\w$]{2,80}", sql)
            if not any(is_secret_name(name) for name in names):
                continue
            for literal in _LITERAL.finditer(text, found.end(), seen):
                if not literal[1].startswith(MASK):
                    parts += [text[done : literal.start(1)], MASK]
                    done = literal.end(1)
        return "".join(parts) + text[done:]

    def without_inputs(text: str) -> str:
        """What pydantic quotes of the field that it names on the line above."""
        parts, done = list[str](), 0
        for found in re.finditer(r"\binput_value=(?=[\"'])", text):
            if found.end() < done:
                continue
            above = text.rfind("\n", max(0, found.start() - 500), found.start())
            field = _BEFORE_A_NAME.split(text[max(0, above - 200) : max(0, above)])[-1].rsplit(".", 1)[-1]
            span = value_at(text, found.end(), field, kind="sure") if kind_of(field) else None
            if span is not None and not text.startswith(MASK, span[0]):
                parts += [text[done : span[0]], MASK]
                done = span[1]
        return "".join(parts) + text[done:]

    def _items(text: str, at: int, wanted: "set[int]") -> "list[tuple[int, int]]":
        """The literals at these places of the tuples that begin here: `('a', 'b'), ('c', 'd')`."""
        spans, size = list[tuple[int, int]](), len(text)
        while at < size and text[at] == "(":
            place, at = 0, at + 1
            while at < size and text[at] != ")":
                while at < size and text[at] in " \t\n":
                    at += 1
                begin = at
                if at < size and text[at] in "'\"":
                    at = closing(text, at + 1, text[at])
                    if place in wanted and at > begin + 1 and not text.startswith(MASK, begin + 1):
                        spans.append((begin + 1, at))
                    at += 1
                while at < size and text[at] not in ",)":
                    at += 1
                if at < size and text[at] == ",":
                    place, at = place + 1, at + 1
            at += 1
            more = re.compile(r"\s*,\s*(?=\()").match(text, at)
            at = more.end() if more else size
        return spans
    _SHORT, _LONG = 256, 8_192  # characters of what is remembered
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
    return redact, is_secret_name


# fmt: on
# --- redaction ends


# --- reading Airflow's objects ---------------------------------------------------------------------------------


def _get(thing: Any, name: str) -> Any:
    """An attribute that is already loaded. A mapped (ORM) object is never asked for what it would have to load."""
    try:
        values = getattr(thing, "__dict__", None)
        if isinstance(values, dict):
            if name in values:
                return values[name]
            if "_sa_instance_state" in values and not isinstance(getattr(type(thing), name, None), property):
                return None
        return getattr(thing, name, None)
    except BaseException as error:
        return _unless_interrupted(error, None)


def _unless_interrupted(error: BaseException, instead: Any) -> Any:
    """`instead`, where reading a value raised this; raises it where it may be Airflow's interrupt, which is clear the second
    time."""
    if isinstance(error, Exception):
        return instead
    hurry = _process.hurry
    if hurry is None:
        raise error
    hurry.same = hurry.same or type(error) is hurry.kind
    return instead


def _identity_of(thing: Any, name: str) -> Any:
    """The same for what names the subject: without it there is nothing to report, so an expired column is read."""
    value = _get(thing, name)
    if value is None:
        try:
            value = getattr(thing, name, None)
        except BaseException as error:
            value = _unless_interrupted(error, None)
    return value


def _text(value: Any, limit: int) -> str:
    """`value` as text without secrets, head and tail kept when it is longer than `limit` characters."""
    text = _without_secrets(_shown(value))
    if len(text) <= limit:
        return text
    tail = limit // 4
    return f"{text[: limit - tail - 40]}\n… [{len(text) - limit:,} characters cut] …\n{text[-tail:]}"


def _shown(value: Any) -> str:
    try:
        return str(value)
    except BaseException as error:
        instead: str = _unless_interrupted(error, f"<{type(value).__name__} that cannot be shown>")
        return instead


def _without_secrets(text: str) -> str:
    """The whole text is looked through before anything is cut: half a secret isn't recognised as one."""
    if len(text) > LOOKED_AT:
        half = LOOKED_AT // 2
        text = f"{text[:half]}\n… [{len(text) - LOOKED_AT:,} characters cut] …\n{text[-half:]}"
    return _redaction()[0](text)


def _plain(value: Any) -> Optional[str]:
    """A name that Airflow knows its object by: it is sent as it is."""
    value = getattr(value, "value", value)
    return None if value is None or value == "" else _shown(value)[:1000]


def _word(value: Any) -> Optional[str]:
    """A short plain value: Airflow's states are enumerations."""
    value = getattr(value, "value", value)
    return None if value is None or value == "" else _text(value, 1000)


def _number(value: Any) -> Optional[int]:
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(value: Any) -> Optional[str]:
    if isinstance(value, str) and value:
        return value[:40]
    if not isinstance(value, datetime):
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    try:
        return aware.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError):  # in the first or last hours that datetime knows: it has no moment in UTC
        return None


def _now() -> str:
    return str(_moment(datetime.now(timezone.utc)))


def _full(**fields: Any) -> Signal:
    return {name: value for name, value in fields.items() if value is not None}


# --- the exception ---------------------------------------------------------------------------------------------


def _type_name(error: BaseException) -> str:
    """As people write it: no prefix for builtins, none of the hash that Airflow gives to the modules of DAG files."""
    kind = type(error)
    module = re.sub(r"^unusual_prefix_[0-9a-f]+_", "", kind.__module__ or "")
    name = kind.__qualname__.rpartition("<locals>.")[2]
    return name if module in ("builtins", "__main__", "") else f"{module}.{name}"


def _chain(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """The error and what led to it, innermost cause last, each with the sentence that joins it to its cause."""
    seen: set[int] = set()
    current: Optional[BaseException] = error
    while current is not None and id(current) not in seen and len(seen) < CHAIN:
        seen.add(id(current))
        cause, context = current.__cause__, current.__context__
        if cause is not None:
            yield current, "The above exception was the direct cause of the following exception:"
            current = cause
        elif context is not None and not current.__suppress_context__:
            yield current, "During handling of the above exception, another exception occurred:"
            current = context
        else:
            yield current, ""
            return


def _traceback(error: BaseException) -> str:
    """The text Python would print, with long messages cut so that the innermost frames survive."""
    links = list(_chain(error))
    parts: list[str] = []
    for position, (link, joint) in reversed(list(enumerate(links))):
        if joint and position + 1 < len(links):
            parts.append(f"\n{joint}\n\n")
        frames = StackSummary.extract(walk_tb(link.__traceback__), limit=-FRAMES).format()
        parts += ["Traceback (most recent call last):\n", *frames] if frames else []
        parts.append(f"{_type_name(link)}: {_text(link, 1000)}\n")
        parts += [f"{_text(note, 500)}\n" for note in getattr(link, "__notes__", ())]
    text = _without_secrets("".join(parts))
    if len(text) <= TRACEBACK_CHARS:
        return text
    head = TRACEBACK_CHARS // 4
    return f"{text[:head]}\n… [{len(text) - TRACEBACK_CHARS:,} characters cut] …\n{text[head + 40 - TRACEBACK_CHARS :]}"


def _exception(error: Any) -> Optional[Signal]:
    """`error` is an exception, a sentence (Airflow found the task dead), or nothing."""
    if isinstance(error, BaseException):
        try:
            traceback = _traceback(error)
        except Exception:
            traceback = ""
        return {"type": _type_name(error), "message": _text(error, MESSAGE_CHARS), "traceback": traceback}
    if error is None or error == "":
        return None
    return {"type": "", "message": _text(error, MESSAGE_CHARS), "traceback": ""}


# --- signals ---------------------------------------------------------------------------------------------------


def _signal(kind: str, source: str, deployment: str, **fields: Any) -> Signal:
    occurred_at = fields.pop("occurred_at", None) or _now()
    return _full(v=1, kind=kind, deployment=deployment, occurred_at=occurred_at, source=source, **fields)


def _tags(dag: Any) -> Optional[list[str]]:
    tags = _get(dag, "tags")
    if not isinstance(tags, (list, tuple, set, frozenset)):
        return None
    return sorted(_text(_get(tag, "name") or tag, 200) for tag in tags)[:50]


def _log_url(ti: Any) -> Optional[str]:
    """Airflow 2 makes the link from the run, which only a loaded one may be asked for."""
    values = getattr(ti, "__dict__", {})
    if "_sa_instance_state" in values and "dag_run" not in values:
        return None
    return _word(_get(ti, "log_url"))


def _logical_date(ti: Any, context: Mapping[str, Any]) -> Optional[str]:
    run = context.get("dag_run") or _get(_get(ti, "_ti_context_from_server"), "dag_run")
    run = run if run is not None else getattr(ti, "__dict__", {}).get("dag_run")
    return _moment(_get(run, "logical_date")) or _moment(_get(run, "execution_date"))


def _task_signal(kind: str, source: str, deployment: str, ti: Any, error: Any, context: Mapping[str, Any]) -> Signal:
    task = _get(ti, "task")
    map_index = _number(_identity_of(ti, "map_index"))
    return _signal(
        kind,
        source,
        deployment,
        occurred_at=_moment(_get(ti, "end_date")),
        dag_id=_plain(_identity_of(ti, "dag_id")),
        run_id=_plain(_identity_of(ti, "run_id")),
        task_id=_plain(_identity_of(ti, "task_id")),
        map_index=-1 if map_index is None else map_index,
        try_number=_number(_identity_of(ti, "try_number")),
        max_tries=_number(_get(ti, "max_tries")),
        state=_word(_get(ti, "state")),
        exception=_exception(error),
        tags=_tags(_get(task, "dag") or context.get("dag")),
        owner=_word(_get(task, "owner")),
        operator=_word(_get(ti, "operator") or _get(task, "task_type")),
        hostname=_word(_get(ti, "hostname")),
        pool=_word(_get(ti, "pool") or _get(task, "pool")),
        queue=_word(_get(ti, "queue") or _get(task, "queue")),
        log_url=_log_url(ti),
        logical_date=_logical_date(ti, context),
        start_date=_moment(_get(ti, "start_date")),
        end_date=_moment(_get(ti, "end_date")),
        pid=_number(_get(ti, "pid")),
    )


def _run_signal(kind: str, source: str, deployment: str, run: Any, reason: Any) -> Signal:
    """`run` is Airflow's object or, for a deadline, the REST answer as a dict."""
    read = run.get if isinstance(run, Mapping) else lambda name: _identity_of(run, name)
    loaded = run.get if isinstance(run, Mapping) else lambda name: _get(run, name)
    start, end = loaded("start_date"), loaded("end_date")
    duration = None
    if isinstance(start, datetime) and isinstance(end, datetime):
        duration = round((end - start).total_seconds(), 3)
    return _signal(
        kind,
        source,
        deployment,
        occurred_at=_moment(end),
        dag_id=_plain(read("dag_id")),
        run_id=_plain(read("run_id") or (read("dag_run_id") if isinstance(run, Mapping) else None)),
        state=_word(loaded("state") or loaded("_state")),
        logical_date=_moment(loaded("logical_date")) or _moment(loaded("execution_date")),
        run_type=_word(loaded("run_type")),
        reason=_word(reason),
        tags=_tags(loaded("dag")),
        start_date=_moment(start),
        end_date=_moment(end),
        duration=duration,
    )


def short_path(path: str, folders: tuple[str, ...] = ()) -> str:
    """The name of a DAG file that the hook (always an absolute path) and the metastore (on 3.x relative to the bundle)
    agree on: what follows one of `folders`, else a bundle's checkout, else the last folder called `dags`."""
    name = path.replace("\\", "/")
    for folder in folders:
        root = folder.replace("\\", "/").rstrip("/") + "/"
        if len(root) > 1 and name.startswith(root):
            name = name[len(root) :]
            break
    name = re.sub(r"^.*/dag_bundles/[^/]+/(?:tracking_repo/|versions/[^/]+/)?", "", name)
    return re.sub(r"^(?:.*/)?dags/", "", name) or path


def _bundle_folders() -> tuple[str, ...]:
    """Where Airflow 3 keeps DAG files on disk; on Airflow 2 nothing, for its metastore has the absolute path too."""
    if "airflow.sdk" not in sys.modules:
        return ()
    folders = [str(getattr(sys.modules.get("airflow.settings"), "DAGS_FOLDER", None) or "")]
    with contextlib.suppress(Exception):
        said = sys.modules["airflow.configuration"].conf.get("dag_processor", "dag_bundle_config_list")
        folders += [str((bundle.get("kwargs") or {}).get("path") or "") for bundle in json.loads(said)]
    return tuple(folder for folder in folders if folder)


def _import_signal(deployment: str, filename: Any, stacktrace: Any) -> Signal:
    path, trace = _shown(filename)[:1000], _text(stacktrace, TRACEBACK_CHARS)
    last = next((line for line in reversed(trace.splitlines()) if line.strip()), "").strip()
    found = re.match(r"([A-Za-z_][\w.]*): ?(.*)", last)
    kind, message = found.groups() if found else ("", last)
    return _signal(
        "import_error",
        "listener",
        deployment,
        file=short_path(path, _bundle_folders()),
        path=path,
        exception={"type": kind, "message": _text(message, MESSAGE_CHARS), "traceback": trace},
    )


def _identity(signal: Signal) -> str:
    names = ("deployment", "kind", "dag_id", "run_id", "task_id", "map_index", "try_number", "file")
    parts = [signal.get(name) for name in names]
    if signal["kind"] == "import_error":
        parts.append(signal["exception"]["traceback"])
    return sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


# --- posting ---------------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """`status` is 0 when there was no answer; `text` says what was heard."""

    status: int
    text: str

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """The bot will never take it: it is about the signal, not about the moment."""
        return 400 <= self.status < 500 and self.status not in KEEP_STATUS and not self.odd

    @property
    def odd(self) -> bool:
        """About the signal or about a setting: decided by what happens to others."""
        return self.status in ODD_STATUS


class _Post:
    """One request on a thread of its own: neither a name server nor a dripping server can make us wait longer."""

    def __init__(self, config: Config, body: bytes, seconds: float) -> None:
        self.config, self.body, self.seconds = config, body, seconds
        self.connection: Any = None
        self.answer = Answer(0, f"no answer within {seconds:.1f} s")

    def run(self) -> Answer:
        import http.client  # noqa: F401 - loaded here: a thread must not be the one that holds an import lock

        worker = threading.Thread(target=self._work, name="windsock-post", daemon=True)
        worker.start()
        worker.join(self.seconds)
        answer = self.answer
        if worker.is_alive():
            self._cut()
        return answer

    def _work(self) -> None:
        import http.client

        try:
            parts = urlsplit(self.config.url)
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self.connection = kind(parts.hostname or "", parts.port, timeout=self.seconds)
            headers = {"Content-Type": "application/json", "User-Agent": f"windsock-airflow/{__version__}"}
            if self.config.token:
                headers["Authorization"] = f"Bearer {self.config.token}"
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            self.connection.request("POST", path, self.body, headers)
            response = self.connection.getresponse()
            text = response.read(2000).decode("utf-8", "replace")
            self.answer = Answer(response.status, text)
        except Exception as error:
            self.answer = Answer(0, f"{type(error).__name__}: {error}")
        finally:
            self._cut()

    def _cut(self) -> None:
        try:
            channel = getattr(self.connection, "sock", None)
            if channel is not None:
                channel.shutdown(socket.SHUT_RDWR)
            if self.connection is not None:
                self.connection.close()
        except Exception:
            pass


def _post(config: Config, signals: list[Signal], seconds: float) -> Answer:
    try:
        whole: Any = signals[0] if len(signals) == 1 else {"signals": signals}
        return _Post(config, json.dumps(whole, default=str).encode(), seconds).run()
    except Exception as error:  # no thread to be had, something that JSON cannot say
        return Answer(0, f"{type(error).__name__}: {error}")


# --- the spool: one file a signal ------------------------------------------------------------------------------


class Spool:
    """A folder of signals that could not be delivered; any process with this plugin may send them on.

    A file is `NAME.json`; while one process sends it, `NAME.json.PID.claim`; `.bad` when it cannot be read and
    `.refused` when the bot will never take it, both left for a person to look at. `NAME-odd.json` was refused once while
    others were taken. The folder is ours alone, or it is not used: others could plant a file, or a link, in it.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def usable(self, make: bool = False) -> bool:
        """Whether the folder is there, is ours and no one else may write to it. Raises OSError when it cannot be made."""
        if make:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
        try:
            seen = os.stat(self.folder)
        except OSError:
            return False
        if seen.st_uid == os.geteuid() and not seen.st_mode & 0o022:
            return True
        why = "others may write to it" if seen.st_mode & 0o022 else f"it belongs to the user {seen.st_uid}"
        _say_once(
            f"open {self.folder}",
            f"Windsock does not use its spool {self.folder}: {why}. Give it mode 0700 and to the "
            f"user {os.geteuid()}, or set WINDSOCK_SPOOL; until then what cannot be delivered at once is lost",
        )
        return False

    def keep(self, signal: Signal, ending: str = ".json", sync: bool = True) -> bool:
        """Write one signal so that it survives a crash (with `sync`: of the machine); False when it could not be kept."""
        try:
            body = json.dumps(signal, default=str).encode()
            if not self.usable(make=True) or not self._room(len(body), aside=ending == ".refused"):
                return False
            # An import error is reported again at every parse: one file is enough.
            written = 0 if signal["kind"] == "import_error" else time.time_ns() // 1000
            self._write(os.path.join(self.folder, f"{written:016d}-{_identity(signal)}"), ending, body, sync)
        except OSError as error:
            log.warning("Windsock lost a signal (%s): its spool %s: %s", _label(signal), self.folder, error)
            return False
        return True

    def _write(self, path: str, ending: str, body: bytes, sync: bool) -> None:
        draft = f"{path}.json.{_process.tag}.{threading.get_ident()}.tmp"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(body)
                out.flush()
                if sync:
                    os.fsync(out.fileno())
            os.replace(draft, path + ending)
        except OSError:
            _quietly(os.unlink, draft)
            raise
        if sync:
            _sync_folder(self.folder)

    def _room(self, coming: int, aside: bool) -> bool:
        """Whether `coming` bytes may be added. Counted once a second: a full spool must not be slow as well."""
        key, now = f"{self.folder} {aside}", time.monotonic()
        at, files, size = _process.counted.get(key, (now - 2, 0, 0))
        if now - at > 1:
            at, (files, size) = now, self._count(aside)
        room = files < (SET_ASIDE_FILES if aside else SPOOL_FILES) and size < SPOOL_BYTES
        _process.counted[key] = (at, files + room, size + coming * room)
        if not room:
            _say_once("full", f"Windsock's spool {self.folder} is full: what comes now is lost (the oldest stay)")
        return room

    def _count(self, aside: bool) -> tuple[int, int]:
        with os.scandir(self.folder) as entries:
            sizes = [_size(entry) for entry in entries if entry.name.endswith((".bad", ".refused")) == aside]
        return len(sizes), sum(sizes)

    def told_lately(self, signal: Signal) -> bool:
        """Whether another process reported the same within the last minute: Airflow 2 parses each file in a new one."""
        mark, now = os.path.join(self.folder, f".told-{_identity(signal)}"), time.time()
        try:
            if now - os.stat(mark).st_mtime < RETELL_SECONDS:
                return True
        except OSError:
            pass
        _quietly(self._mark, mark, now)
        return False

    def _mark(self, mark: str, now: float) -> None:
        if not self.usable(make=True):
            return
        _touch(mark)
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.startswith(".told-") and now - entry.stat().st_mtime > 60 * RETELL_SECONDS:
                    _quietly(os.unlink, entry.path)

    def waiting(self) -> bool:
        """Whether there is something to send, and it is worth trying now."""
        try:
            newest = os.stat(os.path.join(self.folder, ".down")).st_mtime
            if time.time() - newest < DOWN_SECONDS:
                return False
        except OSError:
            pass
        return next(self._claimable(), None) is not None

    def _claimable(self) -> Iterator[str]:
        if not self.usable():
            return
        try:
            names = sorted(os.listdir(self.folder))
        except OSError:
            return
        for name in names:
            # An old draft is a process that died while writing: it is read, and set aside when cut in half.
            if name.endswith(".json") or (name.endswith((".claim", ".tmp")) and self._stale(name)):
                yield name

    def _stale(self, name: str) -> bool:
        try:
            return time.time() - os.stat(os.path.join(self.folder, name)).st_mtime > CLAIM_SECONDS
        except OSError:
            return False

    def claim(self, count: int) -> list[tuple[str, Signal]]:
        """Up to `count` signals, oldest first, that no other process has: (path of the claim, signal)."""
        mine: list[tuple[str, Signal]] = []
        room = BATCH_BYTES
        for name in self._claimable():
            if len(mine) >= count or room <= 0:
                break
            path = os.path.join(self.folder, _stem(name) + f".json.{_process.tag}.claim")
            try:
                # before the rename: a claim is never born stale
                os.utime(os.path.join(self.folder, name), follow_symlinks=False)
                os.rename(os.path.join(self.folder, name), path)
            except OSError:
                continue  # another process was first
            signal = self._read(path)
            if signal is not None:
                room -= len(json.dumps(signal))
                mine.append((path, signal))
        return mine

    def _read(self, path: str) -> Optional[Signal]:
        try:
            # neither a link is followed nor a pipe waited for
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as source:
                seen = os.fstat(source.fileno())
                if not stat.S_ISREG(seen.st_mode) or seen.st_uid != os.geteuid() or seen.st_size > SPOOL_BYTES:
                    raise ValueError("not a file of ours")
                signal = json.loads(source.read())
            if isinstance(signal, dict) and signal.get("kind"):
                return signal
            reason = "not a signal"
        except (OSError, ValueError, RecursionError) as error:
            reason = str(error)
        log.warning("Windsock set a spooled file aside that it cannot read: %s.bad (%s)", _stem(path), reason)
        self.set_aside(path, ".bad")
        return None

    def give_back(self, claimed: list[tuple[str, Signal]]) -> None:
        """The bot is not there: the files wait, and other processes need not find it out again at once."""
        for path, _ in claimed:
            _quietly(os.rename, path, _stem(path) + ".json")
        _quietly(_touch, os.path.join(self.folder, ".down"))

    def sent(self, claimed: list[tuple[str, Signal]]) -> None:
        for path, _ in claimed:
            _quietly(os.unlink, path)

    def behind(self, path: str, signal: Signal, others_were_taken: bool) -> None:
        """What was refused by itself waits behind the others. Refused again, while others are taken, it is set aside."""
        name = _stem(os.path.basename(path))
        if others_were_taken and name.endswith("-odd"):
            log.warning("Windsock set a signal aside that is refused while others are taken: %s", _label(signal))
            self.set_aside(path, ".refused")
            return
        mark = "-odd" if others_were_taken or name.endswith("-odd") else ""
        _quietly(
            os.rename, path, os.path.join(self.folder, f"{time.time_ns() // 1000:016d}-{_identity(signal)}{mark}.json")
        )

    def set_aside(self, path: str, ending: str) -> None:
        """Leave a file for a person to look at: the first hundred; there is no end to what comes after them."""
        if self._room(0, aside=True):
            _quietly(os.rename, path, _stem(path) + ending)
        else:
            _quietly(os.unlink, path)

    def bot_is_up(self) -> None:
        _quietly(os.unlink, os.path.join(self.folder, ".down"))


def _stem(name: str) -> str:
    return name.split(".json", maxsplit=1)[0]


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def _sync_folder(path: str) -> None:
    """Makes a rename in it survive a crash of the machine."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _touch(path: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        os.utime(handle)
    finally:
        os.close(handle)


def _quietly(work: Callable[..., Any], *args: Any) -> None:
    with contextlib.suppress(OSError):
        work(*args)


# --- delivering ------------------------------------------------------------------------------------------------


def _label(signal: Signal) -> str:
    names = ("dag_id", "run_id", "task_id", "map_index", "try_number", "file")
    return " ".join([str(signal.get("kind")), *(str(signal[name]) for name in names if name in signal)])


class Outcome(NamedTuple):
    """What became of a batch: `sent` and `refused` for good, `odd` ones that may be refused for what they say, and those that
    are to be `kept`, each by its place in the batch."""

    sent: list[int]
    refused: list[int]
    odd: list[int]
    kept: list[int]

    @property
    def up(self) -> bool:
        """Whether the bot is there and takes what we send."""
        return not self.kept and (not self.odd or bool(self.sent))


def _tell(config: Config, signals: list[Signal], until: float, taken: bool = False) -> Outcome:
    """Post before the monotonic time `until`. A refused batch goes one by one, so that one bad signal costs no other."""
    every = list(range(len(signals)))
    answer = _answer(config, signals, until)
    if answer.taken:
        return Outcome(every, [], [], [])
    if not (answer.refused or answer.odd):
        return Outcome([], [], [], every)
    if len(signals) == 1:
        if answer.odd:
            if not taken:
                _say_down(config, answer)
            return Outcome([], [], every, [])
        log.warning("Windsock refused %s: %s %s", _label(signals[0]), answer.status, _text(answer.text, 500))
        return Outcome([], every, [], [])
    return _one_by_one(config, signals, until)


def _one_by_one(config: Config, signals: list[Signal], until: float) -> Outcome:
    found = Outcome([], [], [], [])
    for place, signal in enumerate(signals):
        if found.kept or (len(found.odd) >= ODD_IN_A_ROW and not found.sent):
            found.kept.append(place)
            continue
        alone = _tell(config, [signal], until)
        for places, one in zip(found, alone):  # noqa: B905 - Python 3.9 has no `strict`
            places.extend([place] * len(one))
    return found


def _answer(config: Config, signals: list[Signal], until: float) -> Answer:
    seconds = until - time.monotonic()
    if seconds < 0.02:
        return Answer(0, "no time is left")
    answer = _post(config, signals, seconds)
    if answer.taken:
        Spool(config.spool).bot_is_up()
        _process.said.discard("down")
    elif not (answer.refused or answer.odd):
        _say_down(config, answer)
    return answer


def _say_down(config: Config, answer: Answer) -> None:
    said = f"{answer.status} {_text(answer.text, 500)}"
    _say_once("down", f"Windsock is not reached, signals are kept in {config.spool}: {said}")


def _drain(config: Config, seconds: float, count: int = BATCH_LIMIT, taken: bool = False) -> bool:
    """Send what the spool holds for at most `seconds`; False when the bot did not take it. `taken`: it just took another."""
    spool, until, heard = Spool(config.spool), time.monotonic() + seconds, taken
    while time.monotonic() < until:
        claimed = spool.claim(count)
        if not claimed:
            return True
        found = _tell(config, [signal for _, signal in claimed], until, heard)
        heard = heard or bool(found.sent)
        spool.sent([claimed[place] for place in found.sent])
        for place in found.refused:
            spool.set_aside(claimed[place][0], ".refused")
        for place in found.odd:
            spool.behind(*claimed[place], taken or bool(found.sent))
        if found.kept or (found.odd and not heard):
            spool.give_back([claimed[place] for place in found.kept])
            return False
        if found.odd and not found.sent:
            return True  # the bot is there; what it refused by itself waits for another time
    return True


def _deliver_at_once(config: Config, signal: Signal) -> None:
    here, spool = _process, Spool(config.spool)
    seconds, started = here.allowance(), time.monotonic()
    try:
        found = _tell(config, [signal], started + seconds)
        _keep_rest(config, [signal], found)
        if found.sent and spool.waiting():
            _drain(config, seconds - (time.monotonic() - started), 20, taken=True)
    finally:
        here.spend(time.monotonic() - started)


def _keep_rest(config: Config, signals: list[Signal], found: Outcome, sync: bool = True) -> None:
    """What was not sent goes to the spool; what is refused for good is there for a person to look at."""
    spool = Spool(config.spool)
    for place in found.refused:
        spool.keep(signals[place], ".refused")
    for place in found.odd:
        spool.keep(signals[place], "-odd.json" if found.sent else ".json", sync)
    for place in found.kept:
        spool.keep(signals[place], sync=sync)


class _Courier:
    """The bounded queue of a long-lived process and its one thread, which lives only while there is work: Airflow
    forks from these processes, and a thread that is not there cannot hold a lock."""

    def __init__(self) -> None:
        self.queue: queue.Queue[tuple[Config, Signal]] = queue.Queue(QUEUE_LIMIT)
        self.lock = threading.Lock()
        self.thread: Optional[threading.Thread] = None
        self.carried: list[tuple[Config, Signal]] = []
        self.dropped, self.taken = 0, False
        self.down_until, self.pause = 0.0, 0.5
        atexit.register(self.flush, ONE_TASK_SECONDS)

    def put(self, config: Config, signal: Signal) -> None:
        """Never waits, neither for the bot nor for a disk: the thread does."""
        try:
            self.queue.put_nowait((config, signal))
        except queue.Full:
            self.dropped += 1
        self.wake()

    def wake(self) -> None:
        with self.lock:
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self._run, name="windsock", daemon=True)
                self.thread.start()

    def _run(self) -> None:
        while True:
            try:
                if not self._turn():
                    return
            except Exception:
                log.warning("Windsock's thread goes on after a fault", exc_info=True)
                time.sleep(1.0)

    def _turn(self) -> bool:
        """Carry one batch, then the spool; False when there was nothing and the thread may end."""
        config = _config()
        if self.dropped:
            dropped, self.dropped = self.dropped, 0
            log.warning("Windsock lost %d signals: %d were waiting, and its disk is slow", dropped, QUEUE_LIMIT)
        self.taken = False
        self.carried = self._take(IDLE_SECONDS if time.monotonic() >= self.down_until else 1.0)
        if self.carried:
            self._carry(self.carried)
        self.carried = []
        if config is not None and time.monotonic() >= self.down_until and Spool(config.spool).waiting():
            self._remember(_drain(config, LONG_LIVED_SECONDS, taken=self.taken))
            return True
        with self.lock:
            if self.queue.empty() and time.monotonic() >= self.down_until and not self._spooled(config):
                self.thread = None
                return False
        return True

    @staticmethod
    def _spooled(config: Optional[Config]) -> bool:
        return config is not None and next(Spool(config.spool)._claimable(), None) is not None

    def _take(self, wait: float) -> list[tuple[Config, Signal]]:
        taken: list[tuple[Config, Signal]] = []
        size = 0
        try:
            while len(taken) < BATCH_LIMIT and size < BATCH_BYTES - 50_000:
                taken.append(self.queue.get(timeout=wait) if not taken else self.queue.get_nowait())
                size += len(json.dumps(taken[-1][1], default=str))
        except queue.Empty:
            pass
        return taken

    def _carry(self, batch: list[tuple[Config, Signal]]) -> None:
        config, signals = batch[0][0], [signal for _, signal in batch]
        found = Outcome([], [], [], list(range(len(batch))))
        crowded = self.queue.qsize() > QUEUE_LIMIT // 2  # a disk is faster than a bot that is far away
        if time.monotonic() >= self.down_until and not crowded:
            found = _tell(config, signals, time.monotonic() + LONG_LIVED_SECONDS)
            self._remember(found.up)
            self.taken = bool(found.sent)
        _keep_rest(config, signals, found, sync=not crowded)
        for _ in batch:
            self.queue.task_done()

    def _remember(self, told: bool) -> None:
        self.pause = 0.5 if told else min(LONGEST_PAUSE, self.pause * 2)
        self.down_until = 0.0 if told else time.monotonic() + self.pause

    @staticmethod
    def _keep(batch: list[tuple[Config, Signal]]) -> None:
        for config, signal in batch:
            Spool(config.spool).keep(signal)

    def flush(self, seconds: float) -> None:
        """The process ends: wait a little for the thread, then put what is left on disk."""
        if self is not _process.courier:
            return  # a forked child runs its parent's exit hooks
        until = time.monotonic() + seconds
        while self.queue.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.01)
        if self.queue.unfinished_tasks:
            left = self._take(0.001)
            self._keep(self.carried + left)
            self.carried = []
            for _ in left:
                self.queue.task_done()


def _courier() -> _Courier:
    with _process.lock:
        if _process.courier is None:
            _process.courier = _Courier()
        return _process.courier


def _send(signal: Signal, config: Config, hand_over: bool = False) -> None:
    """Every report of this file passes here. Run and deadline signals have no try, so only the others are deduplicated."""
    if not ("file" in signal or ("dag_id" in signal and ("run_id" in signal or "task_id" in signal))):
        log.warning("Windsock cannot see what this is about, so it reports nothing: %s", _label(signal))
        return
    if _process.hurry is not None:
        Spool(config.spool).keep(signal)
        return
    if ("try_number" in signal or "file" in signal) and not _process.first_time(_identity(signal)):
        return
    if hand_over or _process.service:
        _courier().put(config, signal)
    else:
        _deliver_at_once(config, signal)


# --- the listener ----------------------------------------------------------------------------------------------


def _task_ended_badly(ti: Any, error: Any, previous_state: Any) -> None:
    config = _config()
    if config is not None:
        kind = "task_retrying" if _word(_identity_of(ti, "state")) == "up_for_retry" else "task_failed"
        _send(_task_signal(kind, "listener", config.deployment, ti, error, {}), config, previous_state is None)


def _task_ended_well(ti: Any, previous_state: Any) -> None:
    """A first try that succeeds heals nothing, unless a person marked it (the API server says no earlier state)."""
    if (_number(_identity_of(ti, "try_number")) or 0) < 2 and previous_state is not None:
        return
    config = _config()
    if config is not None:
        signal = _task_signal("task_succeeded", "listener", config.deployment, ti, None, {})
        _send(signal, config, previous_state is None)


def _run_ended(kind: str, run: Any, reason: Any) -> None:
    """Scheduler or API server: neither may wait, and neither may be asked for anything that is not loaded."""
    config = _config()
    if config is not None:
        _send(_run_signal(kind, "listener", config.deployment, run, reason), config, hand_over=True)


def _does_not_import(filename: Any, stacktrace: Any) -> None:
    config = _config()
    if config is None:
        return
    signal = _import_signal(config.deployment, filename, stacktrace)
    if _process.service or not Spool(config.spool).told_lately(signal):
        _send(signal, config)


def _starts(component: Any) -> None:
    """A job starts here: a long-lived process, unless it is the job that looks after one task."""
    if type(component).__name__.endswith("Marker"):
        _process.task = True
    elif not _process.task:
        _process.service = True
        config = _config()
        if config is not None and Spool(config.spool).waiting():
            _courier().wake()


def _stops(component: Any) -> None:
    if _process.service:
        if _process.courier is not None:
            _process.courier.flush(ONE_TASK_SECONDS if _process.hurry is None else 0.0)
        return
    config = _config()
    if config is not None and type(component).__name__.endswith("Marker") and Spool(config.spool).waiting():
        started = time.monotonic()
        _drain(config, _process.allowance(), 20)
        _process.spend(time.monotonic() - started)


def hookimpl(function: Hook) -> Hook:
    if _mark is not None:
        _mark(function)
    return function


class WindsockListener:
    """Airflow's hooks, with the arguments that both majors have. Airflow 2 does not guard its calls: we do."""

    @hookimpl
    def on_starting(self, component: Any) -> None:
        _safely(_starts, component)

    @hookimpl
    def before_stopping(self, component: Any) -> None:
        _safely(_stops, component)

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        _safely(_task_ended_badly, task_instance, error, previous_state)

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        _safely(_task_ended_well, task_instance, previous_state)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any, msg: Any) -> None:
        _safely(_run_ended, "run_failed", dag_run, msg)

    @hookimpl
    def on_dag_run_success(self, dag_run: Any, msg: Any) -> None:
        _safely(_run_ended, "run_succeeded", dag_run, msg)

    @hookimpl
    def on_new_dag_import_error(self, filename: Any, stacktrace: Any) -> None:
        _safely(_does_not_import, filename, stacktrace)

    @hookimpl
    def on_existing_dag_import_error(self, filename: Any, stacktrace: Any) -> None:
        _safely(_does_not_import, filename, stacktrace)


class WindsockPlugin(AirflowPlugin):  # type: ignore[misc]
    """Covers every DAG of the installation without a change to any of them."""

    name = "windsock"
    listeners = [WindsockListener()]  # noqa: RUF012 - what Airflow asks for


# --- callbacks, for those who prefer to say it in the DAG ------------------------------------------------------


def _from_task(kind: str, context: Mapping[str, Any]) -> None:
    config = _config()
    ti = context.get("ti") or context.get("task_instance")
    if config is not None and ti is not None:
        error = context.get("exception")
        _send(_task_signal(kind, "callback", config.deployment, ti, error, context), config)


def _from_run(kind: str, context: Mapping[str, Any]) -> None:
    config = _config()
    run = context.get("dag_run")
    if config is not None and run is not None:
        _send(_run_signal(kind, "callback", config.deployment, run, context.get("reason")), config)


def notify_failure(context: Mapping[str, Any]) -> None:
    """`on_failure_callback` of a task (or in `default_args`)."""
    _safely(_from_task, "task_failed", context)


def notify_retry(context: Mapping[str, Any]) -> None:
    """`on_retry_callback` of a task."""
    _safely(_from_task, "task_retrying", context)


def notify_success(context: Mapping[str, Any]) -> None:
    """`on_success_callback` of a task."""
    _safely(_from_task, "task_succeeded", context)


def notify_dag_failure(context: Mapping[str, Any]) -> None:
    """`on_failure_callback` of a DAG."""
    _safely(_from_run, "run_failed", context)


def notify_dag_success(context: Mapping[str, Any]) -> None:
    """`on_success_callback` of a DAG."""
    _safely(_from_run, "run_succeeded", context)


def _sla(dag: Any, task_list: Any, blocking_task_list: Any, slas: Any) -> None:
    config = _config()
    if config is None:
        return
    for miss in list(slas or [])[:BATCH_LIMIT]:
        date = _identity_of(miss, "execution_date")
        utc = date.astimezone(timezone.utc).isoformat() if isinstance(date, datetime) else None
        signal = _signal(
            "sla_missed",
            "callback",
            config.deployment,
            dag_id=_plain(_identity_of(miss, "dag_id") or _identity_of(dag, "dag_id")),
            task_id=_plain(_identity_of(miss, "task_id")),
            run_id=f"scheduled__{utc}" if utc else None,
            logical_date=_moment(date),
            tags=_tags(dag),
            tasks=_word(task_list),
            blocking_tasks=_word(blocking_task_list),
        )
        _send(signal, config)


def notify_sla_miss(
    dag: Any,
    task_list: Any,
    blocking_task_list: Any,
    slas: Any,
    blocking_tis: Any,  # noqa: ARG001 - Airflow's signature
) -> None:
    """`sla_miss_callback` of a DAG, Airflow 2 only: one signal a missed task."""
    _safely(_sla, dag, task_list, blocking_task_list, slas)


def _deadline(context: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    config = _config()
    if config is None:
        return
    deadline = context.get("deadline") or {}
    signal = _run_signal("deadline_missed", "deadline", config.deployment, context.get("dag_run") or {}, None)
    signal["occurred_at"] = _now()
    signal.update(_full(deadline_id=_word(deadline.get("id")), deadline=_moment(deadline.get("deadline_time"))))
    is_secret = _redaction()[1]
    signal["alert"] = {
        _text(name, 100): "•••" if is_secret(_shown(name)) else _text(value, 500)
        for name, value in list(facts.items())[:20]
    }
    _send(signal, config)


def deadline_missed_sync(context: Optional[Mapping[str, Any]] = None, **facts: Any) -> None:
    """For `DeadlineAlert(callback=SyncCallback(deadline_missed_sync, kwargs={"name": "orders in time"}))`."""
    _safely(_deadline, context or {}, facts)


async def deadline_missed(context: Optional[Mapping[str, Any]] = None, **facts: Any) -> None:
    """For `DeadlineAlert(callback=AsyncCallback(deadline_missed))`: runs in the triggerer, never blocks its loop."""
    import asyncio

    try:
        await asyncio.get_running_loop().run_in_executor(None, _safely, _deadline, context or {}, facts)
    except RuntimeError as error:  # no thread to be had
        log.warning("Windsock could not report a missed deadline: %s", error)


def _make_notifier() -> Any:
    """Airflow's notifier base class costs an import, so the subclass is made on first use."""
    try:
        from airflow.sdk.bases.notifier import BaseNotifier
    except ImportError:
        from airflow.notifications.basenotifier import BaseNotifier

    class WindsockNotifier(BaseNotifier):  # type: ignore[misc]
        """`on_failure_callback=WindsockNotifier()`; `kind` is for the other callbacks (`task_retrying`, …)."""

        template_fields = ()

        def __init__(self, kind: str = "task_failed", **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.kind = kind

        def notify(self, context: Any) -> None:
            of_run = self.kind.startswith("run_")
            _safely(_from_run if of_run else _from_task, self.kind, context)

    WindsockNotifier.__module__ = __name__
    WindsockNotifier.__qualname__ = "WindsockNotifier"
    return WindsockNotifier


def __getattr__(name: str) -> Any:
    if name != "WindsockNotifier":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = _make_notifier()
    globals()[name] = made
    return made
