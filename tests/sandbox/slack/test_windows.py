"""Windows as strictly as Slack: suggestions, what is kept in an input, hashes, external ids, App Home's opening."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from tests.sandbox.slack.bolt_app import BoltApp
from tests.sandbox.slack.waiting import eventually

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def words(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def option(name: str) -> dict[str, Any]:
    return {"text": words(name), "value": name}


def asked(name: str, block_id: str = "", **more: Any) -> dict[str, Any]:
    element = {"type": "external_select", "action_id": name, "min_query_length": 2} | more
    return {
        "type": "input",
        "block_id": block_id or name,
        "label": words(name),
        "element": element,
        "dispatch_action": True,
    }


def window(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": "x",
        "title": words("Clear"),
        "submit": words("Go"),
        "blocks": [*blocks],
    } | more


def opened(bolt: BoltApp, view: dict[str, Any]) -> dict[str, Any]:
    bolt.app.command("/airflow")(
        lambda ack, body: (ack(), bolt.client.views_open(trigger_id=body["trigger_id"], view=view))
    )
    answer = bolt.command("clear")
    assert answer["view"], answer
    return dict(answer["view"])


def suggested(bolt: BoltApp, name: str, value: str) -> Any:
    return bolt.sandbox.post("/_sandbox/suggest", json={"user": "ana", "action_id": name, "value": value})


def clicked(bolt: BoltApp, name: str, value: Any) -> Any:
    return bolt.sandbox.post("/_sandbox/click", json={"user": "ana", "action_id": name, "value": value})


def test_the_app_is_asked_from_the_least_letters_on(bolt: BoltApp) -> None:
    bolt.app.options("dag")(lambda ack: ack(options=[option("sales")]))
    opened(bolt, window(asked("dag")))
    assert suggested(bolt, "dag", "s").json()["error"] == "'dag' asks the app from 2 letters on"
    assert suggested(bolt, "dag", "sa").json()["options"][0]["value"] == "sales"


def test_the_app_hears_what_was_typed_and_in_which_window(bolt: BoltApp) -> None:
    heard: list[dict[str, Any]] = []
    bolt.app.options("dag")(lambda ack, body: (heard.append(body), ack(options=[])))
    view = opened(bolt, window(asked("dag"), private_metadata="A-12"))
    assert suggested(bolt, "dag", "sal").json() == {"ok": True, "options": []}
    (body,) = heard
    assert (body["type"], body["value"], body["block_id"], body["user"]["id"]) == (
        "block_suggestion",
        "sal",
        "dag",
        "U0ANA",
    )
    assert (body["view"]["id"], body["view"]["private_metadata"]) == (view["id"], "A-12")
    assert "trigger_id" not in body


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"options": [option(f"d{n}") for n in range(101)]}, "no more than 100 items allowed"),
        ({"options": [{"text": words("x" * 76), "value": "x"}]}, "must be less than 76 characters"),
        ({"options": [{"text": words("x"), "value": "x" * 151}]}, "must be less than 151 characters"),
        ({"option_groups": [{"label": words("prod"), "options": []}]}, "no fewer than 1 items allowed"),
        ({"choices": []}, "invalid additional property"),
    ],
)
def test_wrong_suggestions_are_refused_by_name(bolt: BoltApp, answer: dict[str, Any], fault: str) -> None:
    bolt.app.options("dag")(lambda ack: ack(answer))
    opened(bolt, window(asked("dag")))
    refused = suggested(bolt, "dag", "sal").json()
    assert (refused["ok"], refused["error"]) == (False, "invalid_options")
    assert fault in refused["errors"][0]


def test_only_what_was_offered_can_be_picked(bolt: BoltApp) -> None:
    picked: list[Any] = []
    bolt.app.options("dag")(lambda ack: ack(options=[option("sales")]))
    bolt.app.action("dag")(lambda ack, body: (ack(), picked.append(body)))
    opened(bolt, window(asked("dag")))
    assert "is not offered" in clicked(bolt, "dag", "sales").json()["error"]
    suggested(bolt, "dag", "sal")
    assert clicked(bolt, "dag", "sales").json()["ok"]
    (body,) = eventually(lambda: picked, lambda: picked)
    assert body["actions"][0]["selected_option"]["value"] == "sales"
    assert body["view"]["state"]["values"]["dag"]["dag"]["selected_option"]["value"] == "sales"


def test_what_stands_in_an_input_stays_while_its_block_keeps_its_name(bolt: BoltApp) -> None:
    sent: list[Any] = []
    bolt.app.options("dag")(lambda ack: ack(options=[option("sales")]))
    bolt.app.action("dag")(lambda ack: ack())
    bolt.app.view("x")(lambda ack, view: (sent.append(view["state"]["values"]), ack()))
    view = opened(bolt, window(asked("dag"), asked("run", "run-1", initial_option=option("old"))))
    suggested(bolt, "dag", "sal")
    clicked(bolt, "dag", "sales")
    bolt.client.views_update(
        view_id=view["id"], view=window(asked("dag"), asked("run", "run-2", initial_option=option("new")))
    )
    assert bolt.submit()["ok"]
    (values,) = sent
    assert values["dag"]["dag"]["selected_option"]["value"] == "sales"
    assert values["run-2"]["run"]["selected_option"]["value"] == "new"
    assert "run-1" not in values


def test_an_input_that_does_not_dispatch_tells_nothing_before_it_is_submitted(bolt: BoltApp) -> None:
    quiet = asked("dag", initial_option=option("sales"))
    del quiet["dispatch_action"]
    opened(bolt, window(quiet))
    assert "no dispatch_action" in clicked(bolt, "dag", "sales").json()["error"]


def test_an_external_id_names_one_view_and_a_stale_hash_changes_nothing(bolt: BoltApp) -> None:
    view = opened(bolt, window(asked("dag"), external_id="w-1"))
    with pytest.raises(SlackApiError, match="not_found"):
        bolt.client.views_update(external_id="w-2", view=window(asked("dag")))
    made = bolt.client.views_update(external_id="w-1", hash=view["hash"], view=window(asked("run"), external_id="w-1"))
    with pytest.raises(SlackApiError, match="hash_conflict"):
        bolt.client.views_update(view_id=view["id"], hash=view["hash"], view=window(asked("task")))
    assert made["view"]["hash"] != view["hash"]
    answer = bolt.sandbox.post("/_sandbox/command", json={"channel": "data-alerts", "user": "ben", "text": "x"}).json()
    assert answer["view"] is None, "a second view took the same external_id"


@pytest.mark.parametrize(
    ("element", "fault"),
    [
        ({"type": "datepicker", "initial_date": "2026-02-30"}, "must be a valid date"),
        ({"type": "timepicker", "initial_time": "25:00"}, "must be a valid time"),
        ({"type": "number_input", "is_decimal_allowed": False, "min_value": "one"}, "must be a valid number"),
        ({"type": "number_input"}, "missing required field: is_decimal_allowed"),
    ],
)
def test_dates_times_and_numbers_are_read(bolt: BoltApp, element: dict[str, Any], fault: str) -> None:
    block = {"type": "input", "block_id": "a", "label": words("a"), "element": element | {"action_id": "a"}}
    faults: list[str] = []

    def listen(ack: Any, body: Any) -> None:
        ack()
        try:
            bolt.client.views_open(trigger_id=body["trigger_id"], view=window(block))
        except SlackApiError as error:
            faults.append(str(error.response.data))

    bolt.app.command("/airflow")(listen)
    bolt.command("clear")
    assert fault in eventually(lambda: faults, lambda: faults)[0]


def test_closing_a_window_that_clears_closes_those_below(bolt: BoltApp) -> None:
    opened(bolt, window(asked("dag"), clear_on_close=True))
    assert bolt.sandbox.post("/_sandbox/close", json={"user": "ana"}).json()["view"] is None


def test_the_home_that_was_published_comes_with_its_next_opening(bolt: BoltApp) -> None:
    events: list[dict[str, Any]] = []
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    bolt.app.event("app_home_opened")(
        lambda event, client: (events.append(event), client.views_publish(user_id=event["user"], view=home))
    )
    for _ in range(2):
        bolt.sandbox.post("/_sandbox/home", json={"user": "ana"})
    first, second = eventually(lambda: events if len(events) == 2 else None, lambda: events)
    assert (first["tab"], "view" in first) == ("home", False)
    assert second["view"]["type"] == "home"
