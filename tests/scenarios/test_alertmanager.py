"""A real Alertmanager posts its webhook: the alert appears, is told once, and turns green when Prometheus says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from bot.sandbox.demo.settings import clean
from bot.sandbox.processes.children import Child
from tests.scenarios.ports import kept_port
from tests.scenarios.room import Room, a_room
from tests.scenarios.waiting import eventually
from tests.stacks import SIGNAL_TOKEN

LABELS = {"alertname": "AirflowSchedulerDead", "severity": "critical", "deployment": "test", "instance": "a:9102"}
CONFIG = """
route: {{receiver: windsock, group_wait: 1s, group_interval: 1s, repeat_interval: 1m}}
receivers:
  - name: windsock
    webhook_configs:
      - url: {url}/v1/alertmanager
        send_resolved: true
        http_config: {{authorization: {{type: Bearer, credentials: {token}}}}}
"""


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with a_room(tmp_path) as made:
        yield made


@pytest.fixture
def alertmanager(tmp_path: Path, room: Room) -> Iterator[str]:
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if not program:
        pytest.skip("no Alertmanager: install the Debian package prometheus-alertmanager")
    config = tmp_path / "alertmanager.yml"
    config.write_text(CONFIG.format(url=room.url, token=SIGNAL_TOKEN))
    with kept_port() as port:
        words = [program, f"--config.file={config}", f"--storage.path={tmp_path / 'am'}", "--cluster.listen-address=",
                 f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
        child = Child("alertmanager", words, tmp_path / "alertmanager.log", env=clean(), cwd=tmp_path)
        child.start()
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(url), child.tail, 60)
        yield url
        child.stop()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def tell(url: str, *, ends_at: datetime | None = None) -> None:
    alert = {"labels": LABELS, "annotations": {"summary": "The scheduler has not beaten for more than 60 s"},
             "startsAt": datetime.now(UTC).isoformat()}  # fmt: skip
    if ends_at:
        alert |= {"startsAt": (ends_at - timedelta(minutes=1)).isoformat(), "endsAt": ends_at.isoformat()}
    httpx.post(f"{url}/api/v2/alerts", json=[alert], trust_env=False).raise_for_status()


def test_an_alert_of_a_real_alertmanager_is_shown_once_and_ends(room: Room, alertmanager: str) -> None:
    tell(alertmanager)
    alert = room.expect("The scheduler has not beaten for more than 60 s", seconds=40)
    assert room.pagerduty.expect("triggered")
    tell(alertmanager)
    tell(alertmanager, ends_at=datetime.now(UTC))
    alert.expect_edit("✅", seconds=60)
    assert room.pagerduty.expect("resolved")
    assert len(room.messages()) == 1
