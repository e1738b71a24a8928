"""The exception with which a method of the Web API is refused. `code` is always one of Slack's own errors."""

from __future__ import annotations

from typing import Any


class SlackError(Exception):
    """Becomes `{"ok": false, "error": code, **extra}` with this HTTP status and these headers."""

    def __init__(self, code: str, *, status: int = 200, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.headers = headers or {}
        self.extra = extra

    def body(self) -> dict[str, Any]:
        return {"ok": False, "error": self.code, **self.extra}


def ratelimited(seconds: int) -> SlackError:
    return SlackError("ratelimited", status=429, headers={"Retry-After": str(seconds)})


def invalid(code: str, faults: list[str]) -> SlackError:
    """`faults` are sentences that end in `[json-pointer:/…]`, as in Slack's answers."""
    messages = [f"[ERROR] {fault}" for fault in faults]
    return SlackError(code, errors=faults, response_metadata={"messages": messages})
