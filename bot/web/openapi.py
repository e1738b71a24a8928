"""GET /openapi.json: the HTTP interface in OpenAPI 3.1, kept next to the code that it describes (a test compares
them)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bot import __version__
from bot.core.signals.signal import KINDS
from bot.web.http import answer

_TEXT = {"type": "string"}
_SIGNAL: dict[str, Any] = {
    "type": "object",
    "required": ["kind", "deployment", "occurred_at"],
    "properties": {
        "v": {"const": 1},
        "kind": {"enum": sorted(KINDS)},
        "deployment": _TEXT,
        "occurred_at": {"type": "string", "format": "date-time"},
        **{name: _TEXT for name in ("dag_id", "run_id", "task_id", "file", "check", "name", "state", "source", "owner",
                                    "operator", "hostname", "pool", "queue", "log_url", "logical_date")},
        "map_index": {"type": "integer", "minimum": -1},
        "try_number": {"type": "integer", "minimum": 0},
        "max_tries": {"type": "integer", "minimum": -1},
        "tags": {"type": "array", "items": _TEXT},
        "exception": {"type": "object", "properties": {"type": _TEXT, "message": _TEXT, "traceback": _TEXT}},
    },
    "additionalProperties": True,
}  # fmt: skip
_ERROR = {"content": {"application/json": {"schema": {"type": "object", "properties": {"error": _TEXT}}}}}


def _answers(*codes: tuple[str, str]) -> dict[str, Any]:
    return {code: {"description": said} | ({} if code.startswith("2") else _ERROR) for code, said in codes}


def _get(
    summary: str, *codes: tuple[str, str], parameters: tuple[str, ...] = (), secured: bool = False
) -> dict[str, Any]:
    listed = [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in parameters]
    secure: dict[str, Any] = {"security": [{"token": []}]} if secured else {}
    return {"get": {"summary": summary, "parameters": listed, "responses": _answers(*codes), **secure}}


_BAD = (("400", "The body or a parameter is wrong"), ("401", "The token is missing or wrong"))
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Windsock", "version": __version__, "description": "Incident response for Apache Airflow."},
    "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        "schemas": {"Signal": _SIGNAL},
    },
    "paths": {
        "/v1/signals": {
            "post": {
                "summary": "Report that something is wrong, or well again",
                "security": [{"token": []}],
                "requestBody": {"required": True, "content": {"application/json": {"schema": {"oneOf": [
                    {"$ref": "#/components/schemas/Signal"},
                    {"type": "object", "required": ["signals"], "properties": {"signals": {
                        "type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/Signal"}}}},
                ]}}}},
                "responses": _answers(
                    ("202", "Committed; counts what was new and what was already known"), *_BAD,
                    ("413", "More than 1 MiB or 1,000 signals"), ("422", "A field is wrong; the sentence names it"),
                    ("503", "Not taken; Retry-After says when to send it again"),
                ),
            }
        },
        "/v1/alertmanager": {
            "post": {
                "summary": "Prometheus Alertmanager's webhook, version 4",
                "security": [{"token": []}],
                "requestBody": {"required": True, "content": {"application/json": {"schema": {
                    "type": "object", "required": ["version", "alerts"],
                    "properties": {"version": {"const": "4"}, "alerts": {"type": "array", "items": {"type": "object"}}}}}}},
                "responses": _answers(("202", "Committed"), *_BAD, ("413", "More than 1 MiB or 1,000 alerts"),
                                      ("422", "A field is wrong; the sentence names it"), ("503", "Not taken")),
            }
        },
        "/v1/pagerduty": {"post": {"summary": "PagerDuty's webhooks, version 3, signed", "responses": _answers(
            ("202", "Taken"), ("400", "No event"), ("401", "The signature is missing or wrong"), ("404", "Not configured"))}},
        "/v1/incidents": _get("List incidents, newest first", ("200", "A page of incidents"), *_BAD, secured=True),
        "/v1/incidents/{incident_id}": _get(
            "One incident with every subject and its timeline", ("200", "The incident"), ("401", "No token"),
            ("404", "No such incident"), parameters=("incident_id",), secured=True,
        ),
        "/slack/events": {"post": {"summary": "Slack's requests in http mode, signed", "responses": _answers(
            ("200", "Taken"), ("401", "The signature is wrong or too old"), ("404", "The bot is in socket mode"))}},
        "/runbooks": _get("The runbooks, for people", ("200", "A page")),
        "/runbooks/{name}": _get("One runbook", ("200", "A page"), ("404", "No such runbook"), parameters=("name",)),
        "/livez": _get("The process is alive", ("200", "Alive")),
        "/readyz": _get("Signals can be taken and kept", ("200", "Ready"), ("503", "Not ready, and why")),
        "/metrics": _get("Prometheus metrics", ("200", "The text format")),
        "/openapi.json": _get("This document", ("200", "The document")),
    },
}  # fmt: skip


async def openapi(_: Request) -> Response:
    return answer(DOCUMENT)
