"""Secrets: every one of a corpus is hidden, what is none stays readable, and no text costs more than its length."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from urllib.parse import quote, unquote

import httpx
import psycopg
import pydantic
import pytest
import sqlalchemy as sa
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.core.redaction import MASK, is_secret_name, redact, secrets_in
from bot.core.signals.wire import as_json, parse
from tests.core import corpus
from tests.given import NOW, body

MASKED, PLAIN = corpus.masked(), corpus.plain()


def test_the_corpora_are_as_large_as_they_should_be() -> None:
    assert len(MASKED) >= 300
    assert len(PLAIN) >= 300
    assert all(secret in text for text, secret in MASKED)


@pytest.mark.parametrize(("text", "secret"), MASKED, ids=range(len(MASKED)))
def test_a_secret_is_hidden(text: str, secret: str) -> None:
    safe = redact(text)
    assert secret not in safe
    assert MASK in safe
    assert redact(safe) == safe


def test_what_is_no_secret_stays_readable() -> None:
    changed = [(text, redact(text)) for text in PLAIN if redact(text) != text]
    assert len(changed) <= len(PLAIN) // 100, changed


@pytest.mark.parametrize(
    "frame", ["ValueError: {}", "{}\nmore", "x" * 5_000 + " {} " + "y" * 5_000, "[2026-11-22] ERROR - {}", "({})"]
)
def test_what_stands_around_it_changes_nothing(frame: str) -> None:
    leaks = [text for text, secret in MASKED if secret in redact(frame.format(text))]
    # what is only a secret at the end of a line is not one in brackets
    assert [one for one in leaks if not one.startswith("ftplib")] == []


@pytest.mark.parametrize("times", [1, 2, 3])
def test_percent_encoding_hides_no_secret_and_makes_none(times: int) -> None:
    def encoded(text: str) -> str:
        for _ in range(times):
            text = quote(text, safe="")
        return text

    leaks = [text for text, secret in MASKED if secret in unquote(redact(encoded(text)))]
    assert leaks == []
    assert [text for text in PLAIN if redact(encoded(text)) != encoded(text)] == []


def raised(act: Callable[[], object]) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each library its own
        act()
    return f"{type(caught.value).__name__}: {caught.value}"


class Settings(pydantic.BaseModel):
    password: int
    token: int


def test_what_real_libraries_say_of_a_secret_does_not_hold_it() -> None:
    secret = secrets.token_urlsafe(18)
    engine = sa.create_engine("sqlite://")

    def asked() -> None:
        with engine.connect() as connection:
            connection.execute(
                sa.text("insert into users (name, password) values (:n, :password)"), {"n": "x", "password": secret}
            )

    said = [
        raised(lambda: psycopg.connect(f"host=127.0.0.1 port=1 password={secret} connect_timeout=x")),
        raised(lambda: psycopg.connect(f"postgresql://etl:{secret}@127.0.0.1:1/x?sslmode=odd")),
        raised(asked),
        raised(lambda: Settings.model_validate({"password": secret, "token": secret})),
        raised(lambda: httpx.get(f"https://etl:{secret}@127.0.0.1:1/", trust_env=False)),
        raised(
            lambda: httpx.Response(401, request=httpx.Request("GET", f"https://h/x?token={secret}")).raise_for_status()
        ),
        raised(lambda: yaml.safe_load(f"password: {secret}\n  bad: [")),
        raised(
            lambda: (
                json.loads('{"password": "' + secret + '"')
                if False
                else (_ for _ in ()).throw(ValueError(repr({"password": secret})))
            )
        ),
    ]
    engine.dispose()
    assert [one for one in map(redact, said) if secret in one] == []


def test_a_secret_at_every_cut_is_hidden_before_the_cut() -> None:
    """The wire cuts a message at 8,192 characters: no place of a secret may show half of it."""
    for place in range(0, 9_000, 120):
        secret = secrets.token_hex(20)
        message = "x" * place + f" password={secret} " + "y" * (9_000 - place)
        told = parse(body(exception={"type": "E", "message": message, "traceback": message * 3}), NOW)
        for text in (told.exception.message, told.exception.traceback):
            assert not any(secret[start : start + 8] in text for start in range(0, 40, 4))


@given(st.text(), st.sampled_from(["owner", "hostname", "sentence", "log_url"]))
def test_what_is_parsed_is_read_back_as_the_same(text: str, word: str) -> None:
    signal = parse(body(**{word: text}, exception={"type": "E", "message": text}, odd={text: text}), NOW)
    assert parse(as_json(signal), NOW) == signal


@given(st.text())
def test_redacting_again_changes_nothing(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "name",
    ["password", "dbPassword", "AWS_SECRET_ACCESS_KEY", "api-key", "refreshToken", "PGPASSWORD", "spark.x.secret.key"],
)
def test_a_secrets_name_is_known(name: str) -> None:
    assert is_secret_name(name)
    signal = parse(body(labels={name: "plain words"}, **{"kind": "task_failed"}), NOW)
    assert signal.extra["labels"] == {name: MASK}


@pytest.mark.parametrize(
    "name", ["token_count", "primary_key", "author", "bypass", "secret_name", "max_tokens", "cache_key", "path"]
)
def test_another_name_is_none(name: str) -> None:
    assert not is_secret_name(name)


def test_masks_are_counted() -> None:
    before = f"a={MASK} password=x1y2z3 token=abcdef12"
    assert secrets_in(before, redact(before)) == 2


EVIL = [
    "-", "_", ".", "://", "'", " ", "{", "(", "aB3", "=", "password", "password='", "key=", "a@", "https://a:b",
    "cookie: ", "bearer ", "mysql ", "curl -u ", "authorization: '", "-----BEGIN RSA PRIVATE KEY-----",
    "-----END RSA PRIVATE KEY-----", "(password) values ((", "'name': 'password', ", "value='a', name='password'",
    "[SQL: password [parameters: ('", "password ", "\\\'password\\\'", "identified by ", "password\ninput_value='",
    "('password', '", "sk-", "eyJaaaaaaaa.", "a-", "PASS ", "1//0", "?key=", "Signature=", "<password>",
    "password='a'b", "echo aaaaaa", "machine ", "s.a", "7z ", "0-us", "aaaaaaaa.atlasv1.", "Private-Lines: 3\n",
    "curl -b a=", "'password': {", "password=[", "{'passwords': ['a', ", "- value: x\n  name: password\n",
    "'name': 'password', 'a': 1, ", "docker login -p ", "--password \\\n", "- --password\n", "mysql://u:1/a@",
    "authorization: digest a=\"b\", ", "\\nauthorization: ",
    "password,a\n", "| password | ab1cd |", "| password\n|---\n", "password=a1234;", "\x1b[1mpassword=", "'password': 'a'\n 'b'",
    "password: |\n", "password: >\n a\n", "passwords:\n- a\n", "kind: Secret\ndata:\n a: b\n", "password = \'\'\'\n",
    "[x] - -----BEGIN RSA PRIVATE KEY-----\n", "\'-----BEGIN RSA PRIVATE KEY-----\', \'AAAA\', ", "UFJJVkFURSBLRV",
    "password%22%3A%22", "%25", "%2525", "%22 ", "A", "\n", "password:\n  ",
]  # fmt: skip


@pytest.mark.parametrize("piece", EVIL)
def test_no_text_costs_more_than_its_length(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        times = []
        for _ in range(3):
            begun = time.process_time()
            redact(text)
            times.append(time.process_time() - begun)
        return min(times)

    once, fourfold = seconds(40_000), seconds(160_000)
    assert fourfold < max(once, 0.002) * 8  # four times the text; twice that for a busy machine
