"""What is answered to a slash command, and how fast it is taken."""

from __future__ import annotations

from tests.scenarios.room import Room, at_once


def test_a_typo_gets_the_nearest_verb_as_a_button_that_runs_it(room: Room) -> None:
    room.report()
    room.expect("sales_daily.load failed")
    answer = room.say("/airflow opne").expect_ephemeral("There is no verb", "opne", "Did you mean", "open")
    answer.press("open")
    answer.expect_edit("sales_daily.load", without="Did you mean")


def test_a_corrected_change_still_changes_nothing_by_itself(room: Room) -> None:
    room.report()
    answer = room.say("/airflow claer A-1").expect_ephemeral("There is no verb", "clear")
    assert "clear A-1" in answer.labels
    answer.press("clear A-1").expect_ephemeral("Nothing was changed", "No Airflow is configured")


def test_help_names_every_verb_and_explains_each(room: Room) -> None:
    helped = room.say("/airflow help").expect_ephemeral("clear", "ack", "silence", "runbook", "escalate", "status")
    assert helped.row["ephemeral_to"] == "U0ANA"
    room.say("/airflow").expect_ephemeral("clear", "status")
    room.say("/airflow help clear").expect_ephemeral("clear REF", "/airflow clear A-12")
    room.say("/airflow clear help").expect_ephemeral("clear REF", "/airflow clear A-12")


def test_curly_quotes_and_long_dashes_are_understood(room: Room) -> None:
    room.report()
    room.expect("sales_daily.load failed")
    room.say("/airflow resolve A-1 “the disk — was full”").expect_ephemeral("A-1 is resolved")
    assert room.incident(1)["state"] == "resolved"


def test_looking_works_without_an_airflow(room: Room) -> None:
    room.report()
    room.expect("sales_daily.load failed")
    room.say("/airflow status").expect_ephemeral("A-1", "sales_daily.load")
    room.say("/airflow open").expect_ephemeral("A-1", "sales_daily.load")
    room.say("/airflow health")
    room.say("/airflow runbook").expect_ephemeral("connection-refused")


def test_thirty_commands_at_once_are_all_taken_in_time(room: Room) -> None:
    room.report()
    room.expect("sales_daily.load failed")
    users, verbs = ("ana", "ben", "cleo", "dev"), ("status", "open", "help", "whoami", "show A-1", "silences")
    asked = [(verbs[n % len(verbs)], users[n % len(users)]) for n in range(30)]
    answers = at_once(*[lambda verb=verb, user=user: room.say(f"/airflow {verb}", user=user) for verb, user in asked])
    assert all(answer and answer.ok for answer in answers), [a and a.outcome.get("error") for a in answers]
    deliveries = [row for row in room.eyes.log("slash_commands") if row["kind"] == "delivery"]
    assert len(deliveries) == 30
    assert [row for row in deliveries if not row["ok"]] == []
