"""Who is on call is asked of PagerDuty's REST API, and what goes wrong there is one sentence."""

from __future__ import annotations

import httpx
import pytest

from bot.core.errors import Permanent, Temporary
from bot.pagerduty.schedules import Schedules
from bot.sandbox.pagerduty import server
from bot.sandbox.processes.ports import free_port


def test_the_first_to_be_rung_stands_first() -> None:
    with server.running() as pager:
        found = Schedules(pager.config.api_token, pager.url + "/").on_call()
    assert [(one.level, one.person, one.schedule) for one in found] == [
        (1, "Ana Lima", "data-oncall"), (2, "Ben Okafor", "data-oncall"),
    ]  # fmt: skip
    assert all(one.until is not None and one.until.tzinfo is not None for one in found)


def test_every_page_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.pagerduty.schedules.PAGE", 1)
    with server.running() as pager:
        assert len(Schedules(pager.config.api_token, pager.url).on_call()) == 2
        log = httpx.get(f"{pager.url}/_sandbox/log", trust_env=False).json()["log"]
    assert [row["path"] for row in log] == ["/oncalls", "/oncalls"]


def test_trouble_is_a_sentence() -> None:
    with server.running() as pager:
        with pytest.raises(Permanent, match="refused WINDSOCK_PAGERDUTY__API_TOKEN"):
            Schedules("wrong", pager.url).on_call()
        httpx.post(f"{pager.url}/_sandbox/faults", json={"kind": "status", "status": 500, "count": 1}, trust_env=False)
        with pytest.raises(Temporary, match="PagerDuty answered 500"):
            Schedules(pager.config.api_token, pager.url).on_call()
    with pytest.raises(Temporary, match="does not answer"):
        Schedules("x", f"http://127.0.0.1:{free_port()}").on_call()


@pytest.mark.parametrize("asked", ["limit=101", "limit=0", "limit=x", "offset=-1", "include[]=teams"])
def test_the_local_pagerduty_takes_only_what_the_real_one_takes(asked: str) -> None:
    with server.running() as pager:
        headers = {"Authorization": f"Token token={pager.config.api_token}"}
        assert httpx.get(f"{pager.url}/oncalls?{asked}", headers=headers, trust_env=False).status_code == 400
        assert httpx.get(f"{pager.url}/oncalls", trust_env=False).status_code == 401
