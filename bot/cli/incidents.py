"""`windsock incidents` and `windsock timeline`."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.store.database import Store
from bot.cli.session import FINE, WRONG, open_store, read_settings

OBSERVER_SECONDS = 3.0


def incidents(given: Any) -> int:
    from bot.responder.incidents.summary import page, summary_line

    settings = read_settings()
    from bot.app.build import load_runbooks, services_of

    services = services_of(settings, (), load_runbooks(settings))
    with closing(services.store):
        services.store.migrate()
        _await_observer(services.store)
        found = page(services, (), None)["incidents"]
    if given.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        for one in found:
            print(summary_line(one))
    return FINE


def _await_observer(store: Store) -> None:
    """Waits up to 3 s until accepted signals are observed. If the bot isn't running, prints how many are left for its
    next start."""
    from bot.responder.signals.observer import wait_for_others

    if behind := wait_for_others(store, OBSERVER_SECONDS):
        print(f"{behind} signals are kept and not observed yet; does the bot run?", file=sys.stderr)


def timeline(given: Any) -> int:
    from bot.core.incidents.incident import number_of
    from bot.responder.incidents.summary import markdown

    number = number_of(given.id)
    with closing(open_store(read_settings())) as store:
        _await_observer(store)
        text = None if number is None else markdown(store, number)
    if text is None:
        print(f"id: there is no incident {given.id}; `windsock incidents` lists them", file=sys.stderr)
        return WRONG
    print(text)
    return FINE
