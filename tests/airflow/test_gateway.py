"""What the gateway promises when Airflow does not behave: faults forced on a local server, both majors."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from inspect import signature
from typing import Any

import pytest

from bot.airflow.airflow2.api import AirflowTwo
from bot.airflow.airflow3.api import AirflowThree
from bot.airflow.breaker import Breaker
from bot.airflow.gateway import Gateway, GatewayConfig, connect, warm_up
from bot.core.airflow.protocol import Airflow, Scope, TaskRef
from bot.core.errors import Permanent, Temporary
from bot.sandbox.processes.ports import free_port
from tests.airflow.scripted import Asked, Says, ScriptedAirflow, scripted_airflow, seconds_of
from tests.airflow.test_breaker import pass_through

REF = TaskRef("sales", "r1", "load")
TASKS_3 = "/api/v2/dags/sales/dagRuns/r1/taskInstances"
CLEAR_3, CLEAR_1 = "/api/v2/dags/sales/clearTaskInstances", "/api/v1/dags/sales/clearTaskInstances"
LIST_1 = "/api/v1/dags/~/dagRuns/~/taskInstances/list"

Connect = Callable[..., Gateway]


@pytest.fixture
def airflow() -> Iterator[ScriptedAirflow]:
    with scripted_airflow() as server:
        server.is_version("3.3.2")
        yield server


@pytest.fixture
def gateway_to() -> Iterator[Connect]:
    made: list[Gateway] = []

    def make(url: str, **config: Any) -> Gateway:
        config = {"username": "bot", "password": "secret", "timeout": 1.0, **config}
        made.append(connect(GatewayConfig("prod", url, **config)))
        return made[-1]

    yield make
    for gateway in made:
        gateway.close()


@pytest.fixture(autouse=True, scope="module")
def _loaded_client() -> None:
    """The client's import is slow; the deadlines below are about the network."""
    warm_up().join()


def entry(task_id: str, state: str = "failed", map_index: int = -1, **more: Any) -> dict[str, Any]:
    known = {"dag_id": "sales", "dag_run_id": "r1", "task_id": task_id, "map_index": map_index, "state": state}
    return {**known, **more}


def instances(*entries: dict[str, Any]) -> Says:
    return Says(body={"task_instances": list(entries), "total_entries": len(entries)})


# ---- which Airflow is it


@pytest.mark.parametrize("major", [AirflowTwo, AirflowThree])
def test_both_majors_have_every_verb_of_the_protocol_as_it_declares_it(major: type) -> None:
    def declared(owner: type, verb: str) -> list[tuple[str, Any, Any]]:
        return [(one.name, one.kind, one.default) for one in signature(getattr(owner, verb)).parameters.values()]

    own = {name for name in vars(Gateway) if not name.startswith("_")}
    verbs = {
        name for part in Airflow.__mro__ for name, kind in vars(part).items() if callable(kind) and name[0] != "_"
    } - own
    assert {"clear", "backfill", "variable", "log", "pools"} <= verbs
    assert {verb: declared(major, verb) for verb in verbs} == {verb: declared(Airflow, verb) for verb in verbs}
    properties = {name for name, kind in vars(Airflow).items() if isinstance(kind, property)}
    assert {
        name for name in properties if not hasattr(major, name) and name not in signature(major.__init__).parameters
    } == set()


def test_the_gateway_has_nothing_that_the_protocol_does_not_declare(gateway_to: Connect) -> None:
    with pytest.raises(AttributeError, match="cleer"):
        gateway_to("http://127.0.0.1:9").cleer  # noqa: B018


def test_connecting_and_making_links_asks_nothing() -> None:
    gateway = connect(GatewayConfig("prod", "http://127.0.0.1:9", ui_url="https://airflow.example"))
    assert gateway.run_url("sales", "a+b") == "https://airflow.example/dags/sales"
    assert gateway.task_url(REF) == "https://airflow.example/dags/sales"
    gateway.close()


@pytest.mark.parametrize(("version", "major", "addressable"), [("3.3.2", 3, True), ("2.11.2", 2, False)])
def test_the_version_is_asked_once(
    airflow: ScriptedAirflow, gateway_to: Connect, version: str, major: int, addressable: bool
) -> None:
    airflow.is_version(version)
    gateway = gateway_to(airflow.url + "/")
    assert (gateway.version, gateway.major, gateway.can_address_map_index) == (version, major, addressable)
    gateway.version  # noqa: B018
    assert airflow.count("GET", "/api/v2/version") == 1


def test_a_server_that_is_away_is_temporary_every_time_and_found_when_it_is_back(
    airflow: ScriptedAirflow, gateway_to: Connect
) -> None:
    airflow.on("GET", "/api/v2/version", *[Says(503)] * 4, Says(body={"version": "3.3.2"}))
    gateway = gateway_to(airflow.url)
    with pytest.raises(Temporary, match=r"Airflow \(prod\) is not available \(503\)"):
        gateway.version  # noqa: B018
    assert gateway.version == "3.3.2"


def test_an_unreachable_deployment_harms_no_other(airflow: ScriptedAirflow, gateway_to: Connect) -> None:
    airflow.on("GET", "/api/v2/pools", Says(body={"pools": [{"name": "p"}]}))
    dead, alive = gateway_to("http://127.0.0.1:9"), gateway_to(airflow.url)
    for _ in range(5):
        with pytest.raises(Temporary):
            dead.pools()
    assert [pool.name for pool in alive.pools()] == ["p"]


@pytest.mark.parametrize("says", [Says(404, b"<html>"), Says(200, b"<html>sign in</html>")])
def test_an_address_without_airflow_is_permanent_and_names_the_address(
    airflow: ScriptedAirflow, gateway_to: Connect, says: Says
) -> None:
    airflow.on("GET", "/api/v1/version", says)
    airflow.on("GET", "/api/v2/version", says)
    with pytest.raises(Permanent, match="no Airflow API answers at http://127"):
        gateway_to(airflow.url).dags()


@pytest.mark.parametrize("version", ["1.10.15", "4.0.0"])
def test_an_unknown_major_is_refused_by_name(airflow: ScriptedAirflow, gateway_to: Connect, version: str) -> None:
    airflow.is_version(version)
    with pytest.raises(Permanent, match=f"says that it is {version}; this Windsock knows Airflow 2 and 3"):
        gateway_to(airflow.url).dags()


def test_an_upgrade_from_2_to_3_is_noticed_and_the_question_asked_again(
    airflow: ScriptedAirflow, gateway_to: Connect
) -> None:
    airflow.is_version("2.11.2")
    airflow.on("GET", "/api/v1/pools", Says(body={"pools": [{"name": "old"}]}))
    gateway = gateway_to(airflow.url)
    assert [pool.name for pool in gateway.pools()] == ["old"]
    airflow.is_version("3.3.2")
    airflow.on("GET", "/api/v1/pools", Says(404, {"error": "/api/v1 has been removed in Airflow 3"}))
    airflow.on("GET", "/api/v2/pools", Says(body={"pools": [{"name": "new"}]}))
    assert [pool.name for pool in gateway.pools()] == ["new"]
    assert gateway.major == 3


def test_a_missing_dag_does_not_make_it_look_for_another_version(airflow: ScriptedAirflow, gateway_to: Connect) -> None:
    airflow.on("GET", "/api/v2/dags/nope/details", Says(404, {"detail": "The Dag with ID: `nope` was not found"}))
    gateway = gateway_to(airflow.url)
    assert gateway.dag("nope") is None
    assert airflow.count("GET", "/api/v2/version") == 1


# ---- signing in


@pytest.mark.parametrize(
    "refusal", [Says(401, {"detail": "Token Expired"}), Says(403, {"detail": "Invalid JWT token"})]
)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_token_that_died_is_replaced_and_the_question_asked_again(
    airflow: ScriptedAirflow, gateway_to: Connect, refusal: Says, method: str
) -> None:
    airflow.on("POST", "/auth/token", Says(201, {"access_token": "old"}), Says(201, {"access_token": "new"}))

    def answer(asked: Asked) -> Says:
        return Says(body={"pools": []}) if asked.headers["authorization"] == "Bearer new" else refusal

    airflow.on("GET", "/api/v2/pools", answer)
    airflow.on("PATCH", "/api/v2/dags/sales", answer)
    gateway = gateway_to(airflow.url)
    gateway.pools() if method == "GET" else gateway.pause("sales", True)
    assert airflow.count("POST", "/auth/token") == 2


def test_another_403_is_a_missing_permission_and_nobody_signs_in_again(
    airflow: ScriptedAirflow, gateway_to: Connect
) -> None:
    airflow.on("PATCH", "/api/v2/dags/sales", Says(403, {"detail": "Forbidden"}))
    with pytest.raises(Permanent, match=r"^Airflow \(prod\) answered 403: the bot may not pause sales$"):
        gateway_to(airflow.url).pause("sales", True)
    assert airflow.count("POST", "/auth/token") == 1


def test_a_login_that_stays_refused_is_tried_twice_and_then_said(airflow: ScriptedAirflow, gateway_to: Connect) -> None:
    airflow.on("GET", "/api/v2/pools", Says(401, {"detail": "Token Expired"}))
    with pytest.raises(Permanent, match="does not accept the bot's login"):
        gateway_to(airflow.url).pools()
    assert airflow.count("GET", "/api/v2/pools") == 2


def test_a_wrong_password_is_permanent_names_the_user_and_not_the_password(
    airflow: ScriptedAirflow, gateway_to: Connect
) -> None:
    airflow.on("POST", "/auth/token", Says(401, {"detail": "Invalid credentials"}))
    with pytest.raises(Permanent, match="user bot: Invalid credentials") as caught:
        gateway_to(airflow.url).pools()
    assert "secret" not in str(caught.value)


def test_a_login_that_is_out_of_order_is_temporary_and_nothing_was_done(
    airflow: ScriptedAirflow, gateway_to: Connect
) -> None:
    airflow.on("POST", "/auth/token", Says(500, b"oops"))
    with pytest.raises(Temporary, match="could not sign the bot in") as caught:
        gateway_to(airflow.url).pause("sales", True)
    assert caught.value.acted is False


def test_ten_threads_with_one_dead_token_sign_in_once(airflow: ScriptedAirflow, gateway_to: Connect) -> None:
    tokens = iter(f"t{number}" for number in range(20))
    airflow.on("POST", "/auth/token", lambda _: Says(201, {"access_token": next(tokens)}))

    def answer(asked: Asked) -> Says:
        return Says(401) if asked.headers["authorization"] == "Bearer t0" else Says(body={"pools": []})

    airflow.on("GET", "/api/v2/pools", answer)
    gateway = gateway_to(airflow.url)
    threads = [threading.Thread(target=gateway.pools) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert airflow.count("POST", "/auth/token") == 2


@pytest.mark.parametrize(
    ("version", "config", "header"),
    [
        ("3.3.2", {"token": "fixed"}, "Bearer fixed"),
        ("2.11.2", {"token": "fixed"}, "Bearer fixed"),
        ("3.3.2", {"token_command": "echo from command"}, "Bearer from command"),
        ("2.11.2", {}, "Basic Ym90OnNlY3JldA=="),
        ("3.3.2", {}, "Bearer jwt-1"),
    ],
)
def test_each_way_to_sign_in(
    airflow: ScriptedAirflow, gateway_to: Connect, version: str, config: dict[str, str], header: str
) -> None:
    airflow.is_version(version)
    path = f"/api/v{2 if version[0] == '3' else 1}/pools"
    airflow.on("GET", path, Says(body={"pools": []}))
    gateway_to(airflow.url, **config).pools()
    assert airflow.last("GET", path).headers["authorization"] == header


@pytest.mark.parametrize(("command", "kind"), [("false", Temporary), ("no-such-program-here", Permanent)])
def test_a_token_command_that_fails_says_so(
    airflow: ScriptedAirflow, gateway_to: Connect, command: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="the token command"):
        gateway_to(airflow.url, token_command=command).pools()


# ---- reads and writes that go wrong


@pytest.mark.parametrize("version", ["3.3.2", "2.11.2"])
def test_a_read_is_repeated(airflow: ScriptedAirflow, gateway_to: Connect, version: str) -> None:
    airflow.is_version(version)
    path = f"/api/v{2 if version[0] == '3' else 1}/pools"
    airflow.on("GET", path, Says(500, b"x"), Says(drop=True), Says(body={"pools": [{"name": "p"}]}))
    assert [pool.name for pool in gateway_to(airflow.url).pools()] == ["p"]


WRITES: list[tuple[str, str, str]] = [
    ("3.3.2", "PATCH", "/api/v2/dags/sales"),
    ("2.11.2", "PATCH", "/api/v1/dags/sales"),
]


@pytest.mark.parametrize(("version", "method", "path"), WRITES)
@pytest.mark.parametrize(
    "says", [Says(500, b"x"), Says(503), Says(drop=True), Says(hang=20), Says(200, b'{"dag_id": "sal')]
)
def test_a_write_whose_answer_is_lost_is_not_repeated_and_nobody_claims_to_know(
    airflow: ScriptedAirflow, gateway_to: Connect, version: str, method: str, path: str, says: Says
) -> None:
    airflow.is_version(version)
    airflow.on(method, path, says)
    with pytest.raises(Temporary) as caught:
        gateway_to(airflow.url).pause("sales", True)
    assert caught.value.acted is None
    assert airflow.count(method, path) == 1


@pytest.mark.parametrize("version", ["3.3.2", "2.11.2"])
def test_a_write_that_could_not_be_sent_has_certainly_done_nothing(gateway_to: Connect, version: str) -> None:
    with scripted_airflow() as airflow:
        airflow.is_version(version)
        closing = Says(body={"version": version}, headers={"Connection": "close"})
        airflow.on("GET", f"/api/v{2 if version[0] == '3' else 1}/version", closing)
        gateway = gateway_to(airflow.url)
        assert gateway.version == version
    with pytest.raises(Temporary, match="cannot be reached") as caught:
        gateway.pause("sales", True)
    assert caught.value.acted is False


@pytest.mark.parametrize("version", ["3.3.2", "2.11.2"])
def test_half_a_document_from_a_read_is_temporary(airflow: ScriptedAirflow, gateway_to: Connect, version: str) -> None:
    airflow.is_version(version)
    airflow.on("GET", f"/api/v{2 if version[0] == '3' else 1}/pools", Says(200, b"<html>sign in</html>"))
    with pytest.raises(Temporary, match="not JSON"):
        gateway_to(airflow.url).pools()


@pytest.mark.parametrize("version", ["3.3.2", "2.11.2"])
def test_a_person_is_told_within_the_deadline_when_airflow_hangs(
    airflow: ScriptedAirflow, gateway_to: Connect, version: str
) -> None:
    airflow.is_version(version)
    airflow.on("GET", f"/api/v{2 if version[0] == '3' else 1}/pools", Says(hang=60))
    gateway = gateway_to(airflow.url, timeout=60.0)
    assert gateway.version == version

    def ask() -> None:
        with gateway.within(0.8), pytest.raises(Temporary, match="did not answer"):
            gateway.pools()

    assert seconds_of(ask) < 20, "the deadline of 0.8 s did not end the wait of 60 s"


def test_after_five_outages_callers_are_told_at_once(airflow: ScriptedAirflow, gateway_to: Connect) -> None:
    gateway = gateway_to(airflow.url)
    airflow.on("PATCH", "/api/v2/dags/sales", Says(503))
    for _ in range(5):
        with pytest.raises(Temporary, match="503"):
            gateway.pause("sales", True)
    with pytest.raises(Temporary, match="has not been reachable; the bot asks it again in a few seconds") as caught:
        gateway.pause("sales", True)
    assert caught.value.acted is False
    assert caught.value.retry_after
    assert airflow.count("PATCH", "/api/v2/dags/sales") == 5


def test_a_fault_of_one_endpoint_does_not_open_the_breaker(airflow: ScriptedAirflow, gateway_to: Connect) -> None:
    gateway = gateway_to(airflow.url)
    airflow.on("PATCH", "/api/v2/dags/sales", Says(500))
    for _ in range(7):
        with pytest.raises(Temporary, match="500"):
            gateway.pause("sales", True)
    assert airflow.count("PATCH", "/api/v2/dags/sales") == 7


@pytest.mark.parametrize("version", ["3.3.2", "2.11.2"])
def test_slow_previews_do_not_close_a_deployment_that_answers_others(
    airflow: ScriptedAirflow, gateway_to: Connect, version: str
) -> None:
    """The wait was ended by us; Airflow has been answering, and goes on to."""
    airflow.is_version(version)
    there = f"/api/v{2 if version[0] == '3' else 1}"
    airflow.on("GET", f"{there}/pools", Says(hang=60))
    airflow.on("GET", f"{there}/importErrors", Says(body={"import_errors": []}))
    gateway = gateway_to(airflow.url, timeout=60.0)
    assert gateway.version == version
    for _ in range(7):
        with gateway.within(0.2), pytest.raises(Temporary, match="did not answer"):
            gateway.pools()
    airflow.on("GET", f"{there}/pools", Says(body={"pools": []}))
    assert gateway.pools() == []


def test_a_server_that_answers_nobody_for_as_long_as_a_call_may_take_is_an_outage(
    airflow: ScriptedAirflow, gateway_to: Connect
) -> None:
    airflow.on("GET", "/api/v2/pools", Says(hang=60))
    gateway = gateway_to(airflow.url, timeout=0.5)
    assert gateway.version
    until = time.monotonic() + 30

    def told() -> str:
        with gateway.within(0.2), pytest.raises(Temporary) as caught:
            gateway.pools()
        return str(caught.value)

    while "has not been reachable" not in (said := told()):
        assert time.monotonic() < until, said


def test_a_server_that_does_not_accept_is_an_outage_whatever_the_deadline(gateway_to: Connect) -> None:
    gateway = gateway_to(f"http://127.0.0.1:{free_port()}", timeout=60.0)
    said = ""
    for _ in range(6):
        with gateway.within(5.0), pytest.raises(Temporary) as caught:
            gateway.health()
        said = str(caught.value)
    assert "has not been reachable" in said


def test_a_wait_that_we_ended_counts_only_once_nobody_was_answered_for_long() -> None:
    breaker = Breaker("prod", outages=2, patience=0.05)

    def ended_by_us() -> None:
        with breaker.passage() as passage:
            passage.cut_short = True

    for _ in range(5):
        pass_through(breaker, failed=False)
        ended_by_us()
    assert not breaker.is_open
    until = time.monotonic() + 10
    while not breaker.is_open:
        assert time.monotonic() < until, "silence never counted"
        ended_by_us()


def test_calls_run_side_by_side_through_the_breaker(airflow: ScriptedAirflow, gateway_to: Connect) -> None:
    together = threading.Barrier(3, timeout=10)

    def answer(_: Asked) -> Says:
        together.wait()
        return Says(body={"pools": []})

    airflow.on("GET", "/api/v2/pools", answer)
    gateway = gateway_to(airflow.url, timeout=10.0)
    gateway.version  # noqa: B018
    done: list[Any] = []
    threads = [threading.Thread(target=lambda: done.append(gateway.pools())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    assert done == [[], [], []]


# ---- older 3.x servers


def extra_forbidden(field: str) -> Says:
    return Says(422, {"detail": [{"type": "extra_forbidden", "loc": ["body", field], "msg": "Extra inputs"}]})


def test_a_clear_holds_only_what_the_server_knows_and_no_defaults_of_the_client(
    airflow: ScriptedAirflow, gateway_to: Connect
) -> None:
    airflow.is_version("3.1.8")
    airflow.on("POST", CLEAR_3, instances(entry("load")))
    airflow.on("PATCH", f"{TASKS_3}/load/-1", instances(entry("load")))
    done = gateway_to(airflow.url).clear(Scope("sales", "r1", (("load", None),)), dry_run=False, note="Ana asked")
    assert [one.ref for one in done] == [REF]
    assert set(airflow.last("POST", CLEAR_3).body) == {
        "dry_run", "dag_run_id", "only_failed", "include_downstream", "include_upstream", "reset_dag_runs", "task_ids",
    }  # fmt: skip
    assert airflow.last("PATCH", f"{TASKS_3}/load/-1").body == {"note": "Ana asked"}


def test_a_field_that_a_server_calls_unknown_is_left_out_from_then_on(
    airflow: ScriptedAirflow, gateway_to: Connect
) -> None:
    def answer(asked: Asked) -> Says:
        return extra_forbidden("note") if "note" in asked.body else Says(body={"dag_run_id": "r1", "state": "queued"})

    airflow.on("POST", "/api/v2/dags/sales/dagRuns", answer)
    gateway = gateway_to(airflow.url)
    for _ in range(2):
        assert gateway.trigger("sales", "r1", {}, note="Ana asked").state == "queued"
    assert ["note" in one.body for one in airflow.asked if one.path.endswith("/dagRuns")] == [True, False, False]


def test_another_422_is_said_and_not_repeated(airflow: ScriptedAirflow, gateway_to: Connect) -> None:
    airflow.on(
        "POST", "/api/v2/dags/sales/dagRuns", Says(422, {"detail": [{"loc": ["body", "conf"], "msg": "is odd"}]})
    )
    with pytest.raises(Permanent, match="did not accept it: conf: is odd"):
        gateway_to(airflow.url).trigger("sales", "r1", {})
    assert airflow.count("POST", "/api/v2/dags/sales/dagRuns") == 1


def test_answers_of_older_servers_that_lack_fields_are_read(airflow: ScriptedAirflow, gateway_to: Connect) -> None:
    airflow.is_version("3.0.6")
    airflow.on("PATCH", "/api/v2/dags/sales", Says(body={"dag_id": "sales", "is_paused": True}))
    assert gateway_to(airflow.url).pause("sales", True).is_paused


# ---- clearing


def test_the_states_of_a_clear_are_those_before_it(airflow: ScriptedAirflow, gateway_to: Connect) -> None:
    airflow.on("POST", CLEAR_3, lambda asked: instances(entry("load", "failed" if asked.body["dry_run"] else "")))
    done = gateway_to(airflow.url).clear(Scope("sales", "r1", (("load", None),)), dry_run=False)
    assert [(one.ref.label, one.state) for one in done] == [("load", "failed")]


@pytest.mark.parametrize(
    ("tasks", "downstream", "surprise"),
    [
        ((("load", None),), True, {"dag_run_id": "r0"}),
        ((("load", None),), True, {"dag_id": "other"}),
        ((("load", None),), False, {"task_id": "report"}),
        ((("load", 2),), True, {"map_index": 3}),
        ((("load", 2),), False, {"map_index": 3}),
        ((), False, {"dag_run_id": "r0"}),
    ],
)
def test_nothing_is_cleared_when_the_dry_run_names_more_than_was_asked(
    airflow: ScriptedAirflow,
    gateway_to: Connect,
    tasks: tuple[tuple[str, int | None], ...],
    downstream: bool,
    surprise: dict[str, Any],
) -> None:
    asked_for = entry("load", map_index=2 if tasks and tasks[0][1] == 2 else -1)
    airflow.on("POST", CLEAR_3, instances(asked_for, {**asked_for, **surprise}))
    scope = Scope("sales", "r1", tasks, downstream=downstream)
    for dry_run in (True, False):
        with pytest.raises(Permanent, match=r"would also clear .*; nothing was cleared"):
            gateway_to(airflow.url).clear(scope, dry_run=dry_run)
    assert all(one.body["dry_run"] for one in airflow.asked if one.path == CLEAR_3)


def test_a_task_that_does_not_exist_is_not_a_success(airflow: ScriptedAirflow, gateway_to: Connect) -> None:
    airflow.on("POST", CLEAR_3, instances())
    airflow.on("GET", "/api/v2/dags/sales/tasks", Says(body={"tasks": [{"task_id": "load"}]}))
    gateway = gateway_to(airflow.url)
    with pytest.raises(Permanent, match="sales has no task `laod`"):
        gateway.clear(Scope("sales", "r1", (("laod", None),)), dry_run=True)
    assert gateway.clear(Scope("sales", "r1", (("load", None),)), dry_run=True) == []


def test_airflow_2_says_tasks_only_and_the_rest_is_read(airflow: ScriptedAirflow, gateway_to: Connect) -> None:
    airflow.is_version("2.11.2")
    airflow.on(
        "POST", LIST_1, instances(entry("load", "success", 0), entry("load", "failed", 1), entry("report", "success"))
    )
    airflow.on(
        "POST", CLEAR_1, Says(body={"task_instances": [{"dag_id": "sales", "dag_run_id": "r1", "task_id": "load"}]})
    )
    gateway = gateway_to(airflow.url)
    for dry_run in (True, False):
        found = gateway.clear(Scope("sales", "r1", (("load", None),)), dry_run=dry_run)
        assert [(one.ref.label, one.state) for one in found] == [("load[1]", "failed")]
    assert airflow.last("POST", CLEAR_1).body["dry_run"] is False


def test_on_airflow_2_a_list_that_moves_while_it_is_read_is_temporary(
    airflow: ScriptedAirflow, gateway_to: Connect
) -> None:
    airflow.is_version("2.11.2")
    airflow.on("POST", LIST_1, instances(entry("load", "running")))
    airflow.on("POST", CLEAR_1, Says(body={"task_instances": [{"task_id": "load"}]}))
    with pytest.raises(Temporary, match="is changing right now") as caught:
        gateway_to(airflow.url).clear(Scope("sales", "r1", (("load", None),)), dry_run=False)
    assert caught.value.acted is False
    assert all(one.body["dry_run"] for one in airflow.asked if one.path == CLEAR_1)


def test_a_note_that_cannot_be_written_does_not_make_a_clear_look_undone(
    airflow: ScriptedAirflow, gateway_to: Connect
) -> None:
    airflow.is_version("3.1.8")
    airflow.on("POST", CLEAR_3, instances(entry("load")))
    airflow.on("PATCH", f"{TASKS_3}/load/-1", Says(500))
    assert gateway_to(airflow.url).clear(Scope("sales", "r1", (("load", None),)), dry_run=False, note="Ana")


# ---- triggering


@pytest.mark.parametrize(("version", "prefix"), [("3.3.2", "/api/v2"), ("2.11.2", "/api/v1")])
def test_a_run_id_that_exists_gives_the_run_that_exists(
    airflow: ScriptedAirflow, gateway_to: Connect, version: str, prefix: str
) -> None:
    airflow.is_version(version)
    airflow.on("POST", f"{prefix}/dags/sales/dagRuns", Says(409, {"detail": {"reason": "Unique constraint violation"}}))
    airflow.on("GET", f"{prefix}/dags/sales/dagRuns/r%2B1", Says(body={"dag_run_id": "r+1", "state": "running"}))
    assert gateway_to(airflow.url).trigger("sales", "r+1", {"a": 1}).state == "running"
    body = airflow.last("POST", f"{prefix}/dags/sales/dagRuns").body
    wanted = {"dag_run_id": "r+1", "conf": {"a": 1}}
    assert body == ({**wanted, "logical_date": None} if version[0] == "3" else wanted)


def test_a_409_for_another_reason_is_permanent(airflow: ScriptedAirflow, gateway_to: Connect) -> None:
    airflow.on("POST", "/api/v2/dags/sales/dagRuns", Says(409))
    airflow.on("GET", "/api/v2/dags/sales/dagRuns/r1", Says(404, {"detail": "The DagRun was not found"}))
    with pytest.raises(Permanent, match="409"):
        gateway_to(airflow.url).trigger("sales", "r1", {})


def test_the_slow_client_is_not_imported_before_it_is_asked_for() -> None:
    code = "import sys, bot.airflow.gateway; sys.exit('airflow_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
