"""Every way in which a call can go wrong has one line in one table, and says it in words that a person understands."""

import json
import ssl

import httpx
import pytest
import urllib3.exceptions as u3

from bot.airflow import errors
from bot.core.errors import Permanent, Temporary

# status → what it is, and for a write: whether nothing was done (False) or nobody knows (None); and some words of it
STATUSES = {
    302: (Permanent, None, "sent the bot elsewhere (302)"),
    400: (Permanent, None, "did not accept it: Unknown field."),
    401: (Permanent, None, "does not accept the bot's login"),
    403: (Permanent, None, "answered 403: the bot may not clear in sales_daily"),
    404: (Permanent, None, "answered 404: Unknown field."),
    405: (Permanent, None, "answered 405"),
    408: (Temporary, False, "did not get the whole request"),
    409: (Permanent, None, "answered 409: Unknown field."),
    418: (Permanent, None, "answered 418"),
    422: (Permanent, None, "did not accept it: Unknown field."),
    425: (Temporary, False, "not ready"),
    429: (Temporary, False, "asked too often"),
    500: (Temporary, None, "error of its own (500: Unknown field.)"),
    502: (Temporary, None, "behind its proxy (502)"),
    503: (Temporary, None, "not available (503)"),
    504: (Temporary, None, "in time (504)"),
    507: (Temporary, None, "error of its own (507: Unknown field.)"),
}

NOTHING_SENT, UNKNOWN = False, None
TRANSPORTS = [
    (httpx.ConnectError("refused"), Temporary, NOTHING_SENT, "cannot be reached"),
    (httpx.ConnectTimeout("slow"), Temporary, NOTHING_SENT, "cannot be reached"),
    (httpx.PoolTimeout("full"), Temporary, NOTHING_SENT, "cannot be reached"),
    (httpx.ProxyError("no"), Temporary, NOTHING_SENT, "cannot be reached"),
    (httpx.ReadTimeout("slow"), Temporary, UNKNOWN, "did not answer within 7 s"),
    (httpx.WriteTimeout("slow"), Temporary, UNKNOWN, "did not answer within 7 s"),
    (httpx.ReadError("reset"), Temporary, UNKNOWN, "broke off"),
    (httpx.RemoteProtocolError("half"), Temporary, UNKNOWN, "broke off"),
    (httpx.InvalidURL("x"), Permanent, None, "an address that the bot cannot use"),
    (httpx.UnsupportedProtocol("x"), Permanent, None, "an address that the bot cannot use"),
    (u3.NewConnectionError(None, "refused"), Temporary, NOTHING_SENT, "cannot be reached"),
    (u3.NameResolutionError("h", None, OSError()), Temporary, NOTHING_SENT, "cannot be reached"),
    (u3.ConnectTimeoutError(None, "slow"), Temporary, NOTHING_SENT, "cannot be reached"),
    (u3.EmptyPoolError(None, "full"), Temporary, NOTHING_SENT, "cannot be reached"),
    (u3.SSLError("handshake"), Temporary, NOTHING_SENT, "cannot be reached"),
    (u3.ProxyError("no", OSError()), Temporary, NOTHING_SENT, "cannot be reached"),
    (u3.ReadTimeoutError(None, "/", "slow"), Temporary, UNKNOWN, "did not answer within 7 s"),
    (u3.ProtocolError("reset"), Temporary, UNKNOWN, "broke off"),
    (u3.LocationParseError("x"), Permanent, None, "an address that the bot cannot use"),
    (errors.TookTooLong(), Temporary, UNKNOWN, "did not answer within 7 s"),
    (errors.TooLarge(), Permanent, None, "more data than the bot takes"),
    (errors.LoginRefused("user ana"), Permanent, None, "does not accept the bot's login (user ana)"),
    (errors.LoginUnavailable("answered 500"), Temporary, NOTHING_SENT, "could not sign the bot in (answered 500)"),
]


def of(status: int, body: bytes = b'{"detail": "Unknown field."}', *, write: bool = True, **headers: str) -> Exception:
    return errors.of_reply("prod", "clear in sales_daily", status, headers, body, write=write)


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_a_status_is_temporary_or_permanent_and_says_why(status: int) -> None:
    kind, acted, words = STATUSES[status]
    error = of(status)
    assert type(error) is kind
    assert str(error).startswith("Airflow (prod) ")
    assert words in str(error)
    if isinstance(error, Temporary):
        assert error.acted is acted
    else:
        assert error.code == str(status)


def test_every_status_of_the_table_is_walked_here() -> None:
    assert set(errors.STATUSES) <= set(STATUSES)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 507])
def test_a_read_that_failed_has_changed_nothing(status: int) -> None:
    error = of(status, write=False)
    assert isinstance(error, Temporary)
    assert error.acted is False


@pytest.mark.parametrize(("error", "kind", "acted", "words"), TRANSPORTS, ids=lambda case: type(case).__name__)
def test_a_call_without_a_whole_answer(error: Exception, kind: type[Exception], acted: bool | None, words: str) -> None:
    found = errors.of_transport("prod", error, 7.0, write=True)
    assert type(found) is kind
    assert words in str(found)
    if isinstance(found, Temporary):
        assert found.acted is acted
    reading = errors.of_transport("prod", error, 7.0, write=False)
    assert not isinstance(reading, Temporary) or reading.acted is False


def test_a_limit_of_next_to_nothing_is_not_told_as_a_number() -> None:
    error = errors.of_transport("prod", errors.TookTooLong(), 0.0412, write=False)
    assert str(error) == "Airflow (prod) did not answer in time"


def test_every_transport_error_of_the_table_is_walked_here() -> None:
    met = {next(kind for kind, _ in errors.TRANSPORTS if isinstance(case[0], kind)) for case in TRANSPORTS}
    assert met == set(errors.TRANSPORT)


def test_a_certificate_that_is_not_trusted_is_permanent_however_deep_it_is_hidden() -> None:
    try:
        try:
            raise ssl.SSLCertVerificationError(1, "self-signed")
        except ssl.SSLError as inner:
            raise httpx.ConnectError("ssl") from inner
    except httpx.ConnectError as error:
        found = errors.of_transport("prod", error, 7.0, write=False)
    assert isinstance(found, Permanent)
    assert "certificate" in str(found)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"detail": "Dag not found"}, "Dag not found"),
        ({"title": "Forbidden", "detail": None, "status": 403}, "Forbidden"),
        ({"title": "Bad Request", "detail": "{'conf': ['no']}"}, "{'conf': ['no']}"),
        ({"detail": [{"type": "x", "loc": ["body", "new_state"], "msg": "is odd"}]}, "new_state: is odd"),
        ({"detail": [{"loc": ["body", "a"], "msg": "one"}, {"msg": "two"}]}, "a: one; two"),
        ({"detail": ["The Task Instance was not found"]}, "The Task Instance was not found"),
        ({"detail": {"reason": "Unique constraint violation", "message": "long"}}, "Unique constraint violation"),
        ({"detail": {"message": "only this"}}, "only this"),
        ({"error": "gone"}, "gone"),
        ({"detail": {}}, ""),
        ([], "[]"),
        (None, "null"),
    ],
)
def test_a_detail_is_read_in_every_shape(body: object, said: str) -> None:
    assert errors.detail(json.dumps(body).encode()) == said


def test_a_web_page_is_not_quoted_and_a_long_text_is_cut() -> None:
    assert errors.detail(b"<html><body>Bad gateway</body></html>") == ""
    assert len(errors.detail(json.dumps({"detail": "x " * 5000}).encode())) == errors.DETAIL_LENGTH
    assert errors.detail(b"plain\n  words \xff") == "plain words �"


def test_airflow_2_does_not_tell_a_wrong_password_from_a_missing_permission_so_both_are_named() -> None:
    two = of(403, b'{"title": "Forbidden", "detail": null, "status": 403}')
    three = of(403, b'{"detail": "Forbidden"}')
    assert str(two).endswith("the bot may not clear in sales_daily, or its password is wrong")
    assert str(three).endswith("the bot may not clear in sales_daily")


def test_the_time_that_the_other_side_asks_for_is_kept() -> None:
    error = of(429, **{"retry-after": "7"})
    assert isinstance(error, Temporary)
    assert error.retry_after == 7.0
    odd = of(503, **{"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"})
    assert isinstance(odd, Temporary)
    assert odd.retry_after is None


@pytest.mark.parametrize(
    ("body", "foreign"),
    [
        (b'{"error": "/api/v1 has been removed in Airflow 3, please use its upgraded version"}', True),
        (b'{"error": "API route not found"}', True),
        (b'{"detail": "Not Found"}', True),
        (b'{"title": "Not Found", "detail": "The requested URL was not found on the server. If"}', True),
        (b"<html>404</html>", True),
        (b'{"detail": "The Dag with ID: `nope` was not found"}', False),
        (b'{"title": "DAG not found", "detail": null, "status": 404}', False),
    ],
)
def test_a_404_for_the_address_is_told_from_a_404_for_the_thing(body: bytes, foreign: bool) -> None:
    assert errors.is_foreign(404, body) is foreign
    assert isinstance(of(404, body), errors.Moved if foreign else Permanent)
