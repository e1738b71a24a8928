"""Whether a name is that of a secret: `dbPassword` and `AWS_SECRET_ACCESS_KEY` are, `token_count` and `primary_key` are not."""

import re
from functools import lru_cache

# Words that make a name one of a secret, wherever they stand in it (`dbPassword`, `AWS_SECRET_ACCESS_KEY`, `pgpassword`).
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
# A key is a secret behind one of these; a primary, foreign, partition or cache key is not.
KEYS = frozenset((
    "api", "access", "secret", "private", "account", "shared", "signing", "encryption", "fernet", "auth", "service", "master",
    "storage", "ssh", "consumer", "subscription", "license", "app", "application", "routing", "integration", "deploy", "hmac",
    "aes", "rsa", "gpg", "pgp", "admin", "root", "webserver", "session", "security", "server", "write", "ingest", "ingestion",
    "webhook", "bot", "client", "crypto", "kms", "project", "stream", "functions", "host", "rest", "user",
))  # fmt: skip
# Behind the secret's word these make it a name of something else: `token_count`, `secret_name`, `password_policy`.
_ABOUT = frozenset((
    "name", "names", "count", "counts", "limit", "type", "types", "length", "len", "size", "uri", "endpoint", "path", "file",
    "filename", "expiry", "expires", "expired", "expiration", "ttl", "age", "policy", "field", "fields", "column", "columns",
    "version", "format", "usage", "budget", "ratio", "required", "enabled", "rotation", "arn", "index", "position", "provider",
    "store", "manager", "backend", "table", "scope", "scopes", "audience", "created", "updated", "at", "date", "time", "hint",
    "error", "errors", "exception", "mismatch", "invalid", "rate", "url", "ref", "refs", "command", "cmd", "method", "mode",
    "rules", "min", "max", "characters", "in", "kind", "status", "class", "issuer", "resolver", "validator", "reset", "prompt",
    "engine", "location", "lifetime", "bucket", "seconds", "valid", "is", "exists", "missing", "not", "found", "key_name",
))  # fmt: skip
# What stands beside a secret in its object, and is none: `{"password": {"message": "is too short", "user": "etl"}}`.
_BESIDE = frozenset((
    "description", "message", "msg", "title", "code", "detail", "key", "user", "username", "login", "host", "from", "env",
    "label",
    "region", "algorithm", "loc", "ctx", "source", "help", "regex", "pattern", "placeholder", "widget", "id", "port", "schema",
))  # fmt: skip
# Of these there are many, and a list of them is a list of secrets; `user_keys` and `prompt_tokens` may be anything.
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
