"""GET /v1/incidents and /v1/incidents/{id}: the incidents for other programs, with every subject."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from bot.core.incidents.incident import State, number_of
from bot.responder.incidents import summary
from bot.web.http import Edge, Refusal, answer, edge_of, reader

SEEN_SECONDS = 20.0


async def get_incidents(request: Request) -> Response:
    """Newest first, a page at a time; `next` is the path of the following page."""
    reader(request)
    states = request.query_params.getlist("state")
    unknown = [state for state in states if state not in {known.value for known in State}]
    if unknown:
        raise Refusal(400, f"state: {unknown[0]!r} isn't a state; use {', '.join(State)}")
    before = _number(request.query_params.get("before"))
    await run_in_threadpool(_seen, edge_of(request))
    return answer(await run_in_threadpool(summary.page, edge_of(request).services, states, before))


async def get_incident(request: Request) -> Response:
    """One incident, all of its subjects and its timeline. The id is `12` or `A-12`."""
    reader(request)
    asked = request.path_params["incident_id"]
    number = number_of(asked)
    await run_in_threadpool(_seen, edge_of(request))
    found = None if number is None else await run_in_threadpool(summary.one, edge_of(request).services, number)
    if found is None:
        raise Refusal(404, f"id: there is no incident {asked!r}")
    return answer(found)


def _seen(edge: Edge) -> None:
    """Waits until signals accepted earlier are observed, up to 20 s. In a longer storm the incidents are shown as far
    as they are observed."""
    edge.intake.observer.caught_up(SEEN_SECONDS)


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    number = number_of(text)
    if number is None:
        raise Refusal(400, "before: must be a whole number, the id of the last incident seen")
    return number
