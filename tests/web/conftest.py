"""The HTTP edge on an empty store, called as a server would call it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.bearer import Tokens
from bot.core.incidents.runbook import Runbook
from bot.responder.services import Services
from bot.responder.signals.intake import Intake
from bot.web.http import Edge
from bot.web.routes import site
from tests.given import Clock, some_services

with warnings.catch_warnings():
    # Starlette would rather have another HTTP library for its test client; ours does what is asked of it here.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

TOKEN = "the token"
TOKENS = Tokens(every=(TOKEN,))
ESCAPED = "## Why\n\nIt <script>alert(1)</script> restarts.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
LINKED = "# Its own heading\n\n[x](javascript:alert(1)) ![y](https://elsewhere.example/a.png)\n"
BOOKS = (Runbook("away", "The <warehouse> is away & gone", ESCAPED), Runbook("odd name?#%", "Odd", LINKED))


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = some_services(f"sqlite:///{tmp_path / 's.db'}", Clock(), BOOKS)
    yield made
    made.store.close()


@pytest.fixture
def intake(services: Services) -> Iterator[Intake]:
    made = Intake(services)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def edge(services: Services, intake: Intake) -> Edge:
    return Edge(services, intake, lambda: TOKENS)


@pytest.fixture
def http(edge: Edge) -> Iterator[TestClient]:
    """A sender with the right token; what goes wrong inside becomes a 500, as it would for a sender."""
    with TestClient(site(edge), raise_server_exceptions=False, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client
