"""The page shows what Slack would show and nothing that was not sent; and a person can act on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from tests.browser import chromium
from tests.sandbox.slack.bolt_app import BoltApp
from tests.sandbox.slack.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]
PAYLOADS = Path(__file__).parent / "payloads"
RUN = "scheduled__2026-11-22T05:00:00+00:00"
VIEWS = {"modal-silence", "modal-runbook", "home"}
MESSAGES = sorted(path.stem for path in PAYLOADS.glob("*.json") if path.stem not in VIEWS)


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


class Page:
    """The page in the browser, with the app behind it."""

    def __init__(self, chrome: Chrome, bolt: BoltApp) -> None:
        self.chrome, self.bolt = chrome, bolt

    def open(self, user: str = "ana", place: str = "C0ALERTS") -> None:
        self.chrome.get("about:blank")
        self.chrome.get(f"{self.bolt.sandbox.base_url}?user={user}#{place}")

    def show(self, name: str) -> WebElement:
        """Send the payload as the app would, and wait for its message."""
        ts = send(self.bolt, name)
        self.open()
        return self.find(f'.message[data-ts="{ts}"]')

    def find(self, css: str, words: str = "") -> WebElement:
        def look() -> WebElement | None:
            found = self.chrome.find_elements(By.CSS_SELECTOR, css)
            try:
                return next((n for n in found if n.is_displayed() and words in n.text), None)
            except StaleElementReferenceException:  # drawn anew while we looked
                return None

        node: WebElement = eventually(look, lambda: self.chrome.find_element(By.TAG_NAME, "body").text)
        return node

    def gone(self, css: str) -> None:
        def hidden() -> bool:
            try:
                return not any(n.is_displayed() for n in self.chrome.find_elements(By.CSS_SELECTOR, css))
            except StaleElementReferenceException:
                return False

        eventually(hidden, lambda: self.chrome.find_element(By.TAG_NAME, "body").text)

    def complaints(self) -> list[str]:
        """What the console says, but for files that are not there."""
        return [e["message"] for e in self.chrome.get_log("browser") if "404" not in e["message"]]


@pytest.fixture
def page(chrome: Chrome, bolt: BoltApp) -> Iterator[Page]:
    chrome.get_log("browser")
    yield Page(chrome, bolt)
    chrome.get("about:blank")  # or it would look for a server that is gone


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def send(bolt: BoltApp, name: str) -> str:
    """Post a message, whisper an ephemeral one, or post a thread; the first one's ts."""
    rows = payload(name)
    first = ""
    for row in rows if isinstance(rows, list) else [rows]:
        if row.pop("response_type", ""):
            answer = bolt.client.chat_postEphemeral(channel="C0ALERTS", user="U0ANA", **row)
        else:
            row.update({"thread_ts": first} if row.get("thread_ts") else {})
            answer = bolt.client.chat_postMessage(channel="C0ALERTS", **row)
        first = first or answer.get("ts") or answer["message_ts"]
    return first


@pytest.mark.parametrize("name", MESSAGES)
def test_every_state_is_shown_without_a_complaint(page: Page, name: str) -> None:
    row = page.show(name)
    assert "Windsock" in row.text
    assert "[" not in {text.strip()[:1] for text in row.text.splitlines() if text.endswith("]")}, row.text
    assert not row.find_elements(By.CSS_SELECTOR, ".unknown"), row.text
    assert page.complaints() == []


def test_an_alert_has_its_five_parts(page: Page) -> None:
    row = page.show("firing")
    assert row.find_element(By.CSS_SELECTOR, "h3").text == "🔴 stock_daily.count failed: no space left on the disk"
    assert [b.text for b in row.find_elements(By.CSS_SELECTOR, ".block-actions button[data-action-id]")] == [
        *("Retry", "Acknowledge", "Silence", "Runbook", "⋯")
    ]
    link = row.find_element(By.CSS_SELECTOR, ".block-context a")
    assert link.text == RUN
    assert link.get_attribute("href").endswith("scheduled__2026-11-22T05%3A00%3A00%2B00%3A00")
    assert row.find_element(By.CSS_SELECTOR, ".mention").text == "@data-eng"
    assert row.find_element(By.CSS_SELECTOR, "pre").text.startswith("OSError: [Errno 28]")
    bar = row.find_element(By.CSS_SELECTOR, ".attachment .bar")
    assert bar.value_of_css_property("background-color") == "rgba(213, 94, 0, 1)"
    named = row.find_element(By.CSS_SELECTOR, '[data-action-id="acknowledge"]')
    assert named.get_attribute("aria-label") == "Acknowledge A-7, stock_daily.count"


def test_a_date_is_shown_in_the_readers_zone(page: Page) -> None:
    page.chrome.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Kolkata"})
    try:
        assert "failed 10:42" in page.show("firing").find_element(By.CSS_SELECTOR, ".attachment").text
    finally:
        page.chrome.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})


def test_hostile_text_stays_text(page: Page) -> None:
    row = page.show("hostile")
    text = row.text
    assert "<img src=x onerror=alert(1)> :tada: <!channel>" in text
    assert "log: <!channel> <@U0ANA> <https://evil.example|ok> &lt;b&gt;" in text
    assert f"run {RUN} of my_dag_name, 2*3*4 = 24, a_b_c, 10:30:45 🎉 x:tada:y" in text
    assert "<script>alert(1)</script> &lt;kept&gt; ```" in text
    assert "*unclosed _and `odd" in text
    addresses = [a.get_attribute("href") for a in row.find_elements(By.TAG_NAME, "a")]
    assert len(addresses) == 1
    assert addresses[0].startswith("https://airflow.example.com/")
    assert [m.text for m in row.find_elements(By.CSS_SELECTOR, ".mention")] == ["@here"]
    assert not row.find_elements(By.CSS_SELECTOR, "script, .content img")
    assert page.complaints() == []


def test_every_kind_of_block_is_drawn(page: Page) -> None:
    row = page.show("everything")
    assert row.find_element(By.CSS_SELECTOR, ".fields").text == f"DAG:\nstock_daily\nRun:\n{RUN}"
    assert [i.text for i in row.find_elements(By.CSS_SELECTOR, ".rich-text li")] == ["first", "second"]
    assert [c.text for c in row.find_elements(By.CSS_SELECTOR, "th, td")] == ["DAG", "runs", "stock_daily", "12"]
    assert row.find_element(By.CSS_SELECTOR, ".markdown strong").text == "bold"


def test_a_press_reaches_the_app_and_the_message_changes_under_the_readers_eyes(page: Page) -> None:
    def acknowledge(ack: Any, body: dict[str, Any], client: Any) -> None:
        ack()
        client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], **payload("acknowledged"))

    page.bolt.app.action("acknowledge")(acknowledge)
    page.show("firing").find_element(By.CSS_SELECTOR, '[data-action-id="acknowledge"]').click()
    row = page.find(".message", "Ana has it · stock_daily.count")
    assert "(edited)" in row.text
    assert row.find_element(By.CSS_SELECTOR, ".mention").text == "@Ana"


def test_the_menu_opens_closes_and_chooses(page: Page) -> None:
    page.bolt.app.action("more")(lambda ack, action, respond: (ack(), respond(action["selected_option"]["value"])))
    more = page.show("firing").find_element(By.CSS_SELECTOR, '[data-action-id="more"]')
    more.click()
    assert page.find(".menu").text.splitlines() == ["Mark success", "Pause DAG", "Escalate", "Logs", "History"]
    page.chrome.switch_to.active_element.send_keys(Keys.ESCAPE)
    page.gone(".menu")
    more.click()
    page.find('.menu [data-value="logs:A-7"]').click()
    assert "Only visible to you" in page.find(".message.ephemeral", "logs:A-7").text


def test_a_confirm_dialog_stands_before_the_press(page: Page) -> None:
    pressed: list[str] = []
    page.bolt.app.action("dangerous")(lambda ack, action: (ack(), pressed.append(action["value"])))
    button = page.show("everything").find_element(By.CSS_SELECTOR, '[data-action-id="dangerous"]')
    button.click()
    page.find('#confirm [data-confirm="deny"]').click()
    page.gone("#confirm")
    assert pressed == []
    button.click()
    page.find('#confirm [data-confirm="confirm"]').click()
    eventually(lambda: pressed == ["A-7"], lambda: pressed)


def test_a_modal_is_opened_by_a_command_refused_and_submitted(page: Page) -> None:
    states: list[dict[str, Any]] = []

    def submitted(ack: Any, view: dict[str, Any]) -> None:
        states.append(view["state"]["values"])
        ack(response_action="errors", errors={"reason": "say more"}) if len(states) == 1 else ack()

    page.bolt.app.command("/airflow")(
        lambda ack, body, client: (
            ack(),
            client.views_open(trigger_id=body["trigger_id"], view=payload("modal-silence")),
        )
    )
    page.bolt.app.view("silence")(submitted)
    page.open()
    page.find("#say").send_keys("/airflow silence A-7", Keys.ENTER)
    reason = page.find("#modal input[data-action-id=reason]")
    page.find('#modal [data-modal="submit"]').click()
    page.find("#modal .error", "Please complete this required field.")
    reason.send_keys("new disk")
    Select(page.find("#modal select")).select_by_visible_text("30 minutes")
    page.find('#modal input[value="signature"]').click()
    page.find('#modal [data-modal="submit"]').click()
    page.find("#modal .error", "say more")
    page.find('#modal [data-modal="submit"]').click()
    page.gone("#modal")
    last = states[-1]
    assert last["reason"]["reason"] == {"type": "plain_text_input", "value": "new disk"}
    assert last["how-long"]["how-long"]["selected_option"]["value"] == "30m"
    assert last["what"]["what"]["selected_option"]["value"] == "signature"
    assert last["flags"]["flags"] == {"type": "checkboxes", "selected_options": []}


def test_escape_closes_a_modal(page: Page) -> None:
    page.bolt.app.command("/airflow")(
        lambda ack, body, client: (
            ack(),
            client.views_open(trigger_id=body["trigger_id"], view=payload("modal-runbook")),
        )
    )
    page.open()
    page.find("#say").send_keys("/airflow runbook", Keys.ENTER)
    page.find("#modal", "The disk is full").send_keys(Keys.ESCAPE)
    page.gone("#modal")
    assert page.bolt.sandbox.get("/_sandbox/state?user=ana").json()["view"] is None


def test_the_app_home_can_be_pressed(page: Page) -> None:
    pressed: list[str] = []
    page.bolt.app.event("app_home_opened")(
        lambda event, client: client.views_publish(user_id=event["user"], view=payload("home"))
    )
    page.bolt.app.action("acknowledge")(lambda ack, body: (ack(), pressed.append(body["view"]["type"])))
    page.open(place="home")
    page.find('#home [data-action-id="acknowledge"]').click()
    eventually(lambda: pressed == ["home"], lambda: pressed)


def test_a_thread_opens_beside_the_channel(page: Page) -> None:
    page.bolt.app.event("message")(lambda: None)
    row = page.show("thread")
    row.find_element(By.CSS_SELECTOR, ".replies").click()
    assert "2 min after it failed" in page.find("#thread", "2 min after").text
    page.find("#reply").send_keys("a new disk is in", Keys.ENTER)
    page.find("#replies .message", "a new disk is in")
    assert "3 replies" in page.find(".thread-link", "3 replies").text


def test_an_ephemeral_message_is_seen_by_its_person_alone(page: Page) -> None:
    assert "Only visible to you" in page.show("preview").text
    page.open(user="ben")
    page.find("#messages")
    page.find("#say")
    assert page.chrome.find_elements(By.CSS_SELECTOR, ".message.ephemeral") == []


def test_nothing_sticks_out_on_a_phone_in_the_dark(page: Page) -> None:
    small = {"width": 380, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    page.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", small)
    page.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    try:
        for name in ("hostile", "everything", "preview"):
            send(page.bolt, name)
        page.show("firing")
        wide = page.chrome.execute_script("return document.documentElement.scrollWidth")
        body = page.chrome.find_element(By.TAG_NAME, "body")
        assert wide == 380
        assert body.value_of_css_property("background-color") == "rgba(26, 29, 33, 1)"
    finally:
        page.chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
