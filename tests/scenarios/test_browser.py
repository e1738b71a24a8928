"""The same with a real browser: what a person sees on the page, and what their clicks do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser import chromium
from tests.scenarios.house import AIRFLOW_PATIENCE, a_house
from tests.scenarios.room import Room
from tests.scenarios.waiting import PATIENCE, eventually
from tests.stacks import RunningAirflow

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


class Page:
    """The local Slack's page, as Ana sees it."""

    def __init__(self, chrome: Chrome, url: str) -> None:
        self._chrome = chrome
        chrome.get(f"{url}?user=ana#C0ALERTS")

    def see(self, css: str, *words: str, seconds: float = PATIENCE) -> WebElement:
        """The element that is there and says all of these words."""

        def look() -> WebElement | None:
            try:
                found = self._chrome.find_elements(By.CSS_SELECTOR, css)
                return next((one for one in found if one.is_displayed() and all(w in one.text for w in words)), None)
            except StaleElementReferenceException:  # drawn anew while we looked
                return None

        element = eventually(look, lambda: (css, words, self._chrome.find_element(By.TAG_NAME, "body").text), seconds)
        assert element is not None
        return element

    def press(self, css: str, *words: str) -> None:
        """Click what is there and says all of these words; again where it was drawn anew between the look and the click."""

        def done() -> bool:
            try:
                self.see(css, *words).click()
            except StaleElementReferenceException:
                return False
            return True

        eventually(done, lambda: (css, words))

    def click(self, message: str, action: str) -> None:
        """Click a button of the message that says this."""

        def done() -> bool:
            try:
                button = self.see(".message", message).find_elements(By.CSS_SELECTOR, f'[data-action-id="{action}"]')
                if button:
                    button[0].click()
                return bool(button)
            except StaleElementReferenceException:
                return False

        eventually(done, lambda: (message, action, self.see(".message", message).text))

    def type(self, text: str) -> None:
        self.see("#say").send_keys(text, Keys.ENTER)


@contextmanager
def a_page(url: str, folder: Path) -> Iterator[Page]:
    """The page in Chromium; when the test fails, `failed.png` in its folder shows what was there."""
    with chromium(folder) as chrome:
        try:
            yield Page(chrome, url)
        except BaseException:
            chrome.save_screenshot(str(folder / "failed.png"))
            raise
        finally:
            chrome.get("about:blank")


def test_a_person_takes_an_alert_and_mistypes_a_command(room: Room, tmp_path: Path) -> None:
    with a_page(room.eyes.url, tmp_path) as page:
        room.report()
        page.see(".message", "🔴 sales_daily.load failed: ValueError", "Acknowledge")
        page.click("sales_daily.load", "acknowledge")
        page.see(".message", "Ana has it · sales_daily.load", "(edited)")
        page.type("/airflow claer A-1")
        page.see(".message.ephemeral", "There is no verb claer", "Did you mean clear?", "Only visible to you")
        page.click("There is no verb claer", "run")
        page.see(".message.ephemeral", "Nothing was changed", "No Airflow is configured")


def test_a_click_on_retry_in_the_browser_makes_airflow_try_again(airflow_3: RunningAirflow, tmp_path: Path) -> None:
    with a_house(airflow_3, tmp_path, ["sales_daily"]) as house, a_page(house.room.eyes.url, tmp_path) as page:
        page.see(".message", "🔴 sales_daily.load failed", "Retry", seconds=AIRFLOW_PATIENCE)
        assert house.ended("sales_daily") == "failed"
        page.click("sales_daily.load failed", "retry")
        page.see(".message.ephemeral", "Clear 2 task instances of sales_daily?", "load", "publish")
        assert house.states("sales_daily")["load"] == ("failed", 1)
        page.click("Clear 2 task instances", "confirm")
        page.see(".message.ephemeral", "Asked: clearing 2 task instances of sales_daily")
        page.see(".message", "✅ sales_daily.load is well again", "Ana cleared", seconds=AIRFLOW_PATIENCE)
        assert house.states("sales_daily")["load"] == ("success", 2)
