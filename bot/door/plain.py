"""Plain signals of tasks, as the plugin sends them, made ready to be stored in a few microseconds.

Hard case: everything that is odd (another kind, an unknown field, a text that must be cleaned or cut, a wrong value). That is
nothing for this file: None is returned, and the whole road of `core.wire` takes it or refuses it with a sentence. Rule: what
is taken here is what that road would have taken, under the same identity, and its body is read back as the same signal.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bot.core.signal import KINDS, SEPARATOR, task_thing
from bot.core.wire import IDENTIFIER_LIMIT
from bot.store.forms import digest
from bot.store.letters import Letter

LIMIT = 32_768  # a larger one may have to be cut
_LAST_YEAR = 9998  # later ones may not be there in another zone
_Name = Annotated[str, Meta(min_length=1, max_length=IDENTIFIER_LIMIT)]
_Word = str | None
_Number = Annotated[int, Meta(ge=0, lt=2**31)]


class _Fault(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: _Word = None
    message: _Word = None
    traceback: _Word = None


class _Task(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What the plugin sends of a task; the other words of the wire are taken as they are."""

    kind: Literal["task_failed", "task_retrying", "task_succeeded"]
    deployment: _Name
    occurred_at: str
    dag_id: _Name
    run_id: _Name
    task_id: _Name
    v: Literal[1] = 1
    map_index: Annotated[int, Meta(ge=-1, lt=2**31)] | None = None
    try_number: _Number | None = None
    max_tries: Annotated[int, Meta(ge=-1, lt=2**31)] | None = None
    exception: _Fault | None = None
    tags: list[str] | None = None
    state: _Word = None
    source: _Word = None
    owner: _Word = None
    operator: _Word = None
    hostname: _Word = None
    pool: _Word = None
    queue: _Word = None
    log_url: _Word = None
    sentence: _Word = None
    severity: _Word = None
    runbook: _Word = None
    logical_date: _Word = None
    start_date: _Word = None
    end_date: _Word = None
    pid: int | None = None


_read = msgspec.json.Decoder(_Task).decode


def plain(body: bytes) -> Letter | None:
    """The one signal in a body of JSON, ready to be stored; None for what is not plain."""
    if len(body) > LIMIT or b"\\u0000" in body:  # PostgreSQL keeps no NUL
        return None
    try:
        task, text = _read(body), body.decode()
        at = datetime.fromisoformat(task.occurred_at)
    except (msgspec.DecodeError, ValueError):
        return None
    names = (task.deployment, task.dag_id, task.run_id, task.task_id)
    if not all(name.isprintable() and not name.isspace() for name in names) or not 1 < at.year < _LAST_YEAR:
        return None
    fault = task.exception
    cause = fault.type if fault else None
    if (cause and not cause.strip().isprintable()) or (fault and not (cause and cause.strip())):
        return None  # whether anything is left when it is cleaned is not for us to say
    index = -1 if task.map_index is None else task.map_index
    thing = task_thing(task.deployment, task.dag_id, task.run_id, task.task_id, index)
    identity = SEPARATOR.join((task.kind, KINDS[task.kind][1], thing, str(task.try_number or 0), ""))
    failed = task.kind == "task_failed"
    return Letter(
        digest(identity), (), task.kind, task.deployment, text, bare=failed and not cause, why=failed and bool(cause)
    )
