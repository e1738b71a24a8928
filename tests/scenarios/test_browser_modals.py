"""Windows and App Home with a real browser: typing, picking, confirming, pressing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.common.exceptions import ElementNotInteractableException, StaleElementReferenceException
from selenium.webdriver.common.keys import Keys

from tests.scenarios.imagined import FAILED, Imagined, an_imagined_room
from tests.scenarios.room import REFUSED, Room
from tests.scenarios.test_browser import Page, a_page
from tests.scenarios.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


@pytest.fixture
def airflow() -> Imagined:
    return Imagined()


@pytest.fixture
def room(airflow: Imagined, tmp_path: Path) -> Iterator[Room]:
    with an_imagined_room(tmp_path, airflow) as opened:
        yield opened


def choose(page: Page, name: str, typed: str, option: str) -> None:
    """Type into a type-ahead of the open window, and click what it offers for all that was typed: what it offered before is
    drawn anew between two moves of the mouse. Again where the window itself was drawn anew, until the option is chosen."""
    box = f'#modal input[data-action-id="{name}"]'
    offered = f'#modal .menu[data-answers="{typed}"] [role="option"][data-value="{option}"]'

    def done() -> bool:
        try:
            page.see(box).click()
            page.see(box).send_keys(Keys.CONTROL, "a", Keys.NULL, typed)
            row = page.see(offered, seconds=5)
            label = row.get_attribute("textContent")
            row.click()
            return bool(eventually(lambda: page.see(box).get_attribute("value") == label, lambda: label, 2))
        except (StaleElementReferenceException, ElementNotInteractableException, AssertionError):
            return False

    eventually(done, lambda: page.see("#modal").text)


def drawn(page: Page, room: Room, picks: int) -> None:
    """The window shows what the app made of so many picks, and nothing will be drawn over what is done next."""
    eventually(lambda: sum(row["ok"] for row in room.eyes.log("views.update")) >= picks, room.eyes.log)
    page.see(f'#modal[data-hash="{(room.eyes.modal("ana") or {})["hash"]}"]')


def test_a_person_types_picks_and_confirms(room: Room, airflow: Imagined, tmp_path: Path) -> None:
    with a_page(room.eyes.url, tmp_path) as page:
        page.type("/airflow clear")
        page.see("#modal", "Clear", "Runs task instances again.")
        choose(page, "dag", "sales_d", "test:sales_daily")
        page.see('#modal input[data-action-id="run"]')
        choose(page, "run", "21T05", FAILED)
        drawn(page, room, 2)  # this pick changes nothing that can be seen, and the window is drawn anew all the same
        choose(page, "task", "publ", "publish")
        page.press('#modal [data-modal="submit"]', "Preview")
        page.see("#modal", "Clear 1 task instance of sales_daily?", "publish", "runs again")
        assert airflow.cleared == []
        page.press('#modal [data-modal="submit"]', "Confirm: clear 1")
        page.see("#modal", "Asked: clearing 1 task instance of sales_daily")
        eventually(lambda: airflow.cleared, lambda: airflow.asked)
        assert airflow.cleared[0].tasks == (("publish", None),)


def test_a_type_ahead_is_used_with_the_keyboard_alone(room: Room, tmp_path: Path) -> None:
    with a_page(room.eyes.url, tmp_path) as page:
        page.type("/airflow pause")
        box = page.see('#modal input[data-action-id="dag"]')
        box.send_keys("orders")
        page.see('#modal [role="option"]:only-child', "orders_hourly")
        box.send_keys(Keys.ENTER)
        page.see("#modal", "Why")
        page.press('#modal [data-modal="submit"]', "Preview")
        page.see("#modal", "Pause orders_hourly?")


def test_a_wrong_conf_is_said_at_its_field_and_keeps_what_was_written(room: Room, tmp_path: Path) -> None:
    with a_page(room.eyes.url, tmp_path) as page:
        page.type("/airflow trigger")
        choose(page, "dag", "sales_d", "test:sales_daily")
        page.see("#modal", "Trigger sales_daily", "1 run is running")
        page.see('#modal textarea[data-block-id^="conf-"]').send_keys("{oops")
        page.press('#modal [data-modal="submit"]')
        page.see("#modal .wrong .error", "This isn't valid JSON")
        assert page.see('#modal textarea[data-block-id^="conf-"]').get_attribute("value") == "{oops"


def test_app_home_is_a_tab_whose_buttons_work(room: Room, tmp_path: Path) -> None:
    room.report(exception=REFUSED, run_id=FAILED, map_index=0)
    with a_page(room.eyes.url, tmp_path) as page:
        page.press('#apps [data-channel="D0ANA"]')
        # it is drawn first without Airflow's health
        page.see("#home", "1 alert needs somebody", "nobody has it", "test is well")
        page.press('#home [data-action-id="acknowledge"]')
        page.see("#home", "No alert needs somebody", "Yours", "took A-1")
        page.press('#home [data-action-id="retry"]')
        page.see("#modal", "Clear 1 task instance of sales_daily?")
        page.press('#modal [data-modal="close"]')
        page.see("#home", "yours since")
