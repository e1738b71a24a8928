"""Checks of the operator's own: asked like every other, and only asking."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.checks import ask, catalog
from bot.checks.check import Check
from bot.checks.custom import custom, sql_fault, template_fault
from bot.checks.metastore.connection import Metastore
from bot.checks.sweep import Result, Sweep
from bot.config.custom_checks import own_checks
from bot.config.settings import Airflow, Settings, WrongSettings
from bot.core.errors import Temporary
from bot.core.signals.signal import Signal
from bot.core.signals.wire import as_json, parse
from tests.checks.worlds import Memory, World

QUEUED = "select dag_id as subject, count(*) as value from task_instance where state = 'queued' group by dag_id"


def a_check(sql: str = QUEUED, **changed: Any) -> Check:
    given: dict[str, Any] = {"measure": "value", "threshold": 1, "severity": "error", "tags": ("mine",),
                             "sick": "{subject} has {value} queued", "well": "{subject} is short again ({lasted})"}  # fmt: skip
    return custom("mine", sql, **(given | changed))


def asked(metastore: Metastore, check: Check, memory: Memory | None = None) -> tuple[Result, list[Signal]]:
    told: list[Signal] = []
    (result,) = Sweep((check,), metastore, "prod", told.extend, memory or Memory()).run(["mine"])
    return result, told


def test_each_row_above_the_threshold_is_told_and_told_well(world: World, metastore: Metastore) -> None:
    for dag, number in (("sales", 3), ("orders", 2), ("small", 1)):
        for task in range(number):
            world.task(f"t{task}", "queued", dag_id=dag)
    memory = Memory()
    result, told = asked(metastore, a_check(), memory)
    assert [finding.sentence for finding in result.findings] == ["sales has 3 queued", "orders has 2 queued"]
    assert {(s.check, s.name, s.severity, tuple(s.tags)) for s in told} == {
        ("mine", "sales", "error", ("mine",)), ("mine", "orders", "error", ("mine",)),
    }  # fmt: skip
    for signal in told:
        assert parse(as_json(signal), signal.occurred_at) == signal
    world.do("delete from task_instance")
    _, told = asked(metastore, a_check(), memory)
    assert sorted(s.sentence.partition(" (")[0] for s in told) == ["orders is short again", "sales is short again"]


def test_without_a_subject_the_worst_row_is_the_finding(world: World, metastore: Metastore) -> None:
    for number in range(5):
        world.task(f"t{number}", "queued", dag_id="sales" if number else "orders")
    sql = "select dag_id, count(*) as value from task_instance group by dag_id"
    result, _ = asked(metastore, a_check(sql, threshold=0, sick="{dag_id}: {value}", well="well"))
    assert [(finding.subject, finding.sentence) for finding in result.findings] == [("mine", "sales: 4")]


@pytest.mark.parametrize(("threshold", "sick"), [(1, True), (2, False)])
def test_more_rows_than_the_threshold_are_one_finding(
    world: World, metastore: Metastore, threshold: int, sick: bool
) -> None:
    world.task("a", "queued")
    world.task("b", "queued")
    check = a_check("select task_id from task_instance order by task_id;", measure="rows", threshold=threshold,
                    sick="{rows} rows, such as {task_id}", well="well")  # fmt: skip
    result, _ = asked(metastore, check)
    assert [finding.sentence for finding in result.findings] == (["2 rows, such as a"] if sick else [])


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (a_check("select 1 as number"), "no column called value"),
        (a_check("select 5 as value", sick="{nobody} is late"), "names {nobody}"),
        (a_check("select 'text' as value"), "could not be read"),
        (a_check("select 1 as value from no_such_table"), "no_such_table"),
    ],
)
def test_what_only_the_answer_shows_is_the_checks_error_and_no_finding(
    metastore: Metastore, check: Check, said: str
) -> None:
    result, told = asked(metastore, check)
    assert said in (result.error or "")
    assert (result.findings, told) == ((), [])


def test_colons_percents_and_comments_of_theirs_are_theirs(world: World, metastore: Metastore) -> None:
    world.task("a 10% :most", "queued")
    sql = "select count(*) as value from task_instance where task_id like '%% :mo%' -- all: of them"
    result, _ = asked(metastore, a_check(sql, threshold=0, sick="{value}"))
    assert [finding.sentence for finding in result.findings] == ["1"]


WRITES = [
    "with gone as (delete from task_instance returning 1) select count(*) as value from gone",
    "select 1 as value) as x; delete from task_instance; select * from (select 1",
    "select 1 as value; commit; delete from task_instance",
    "select setval('counter', 9) as value",
    "select set_config('transaction_read_only', 'off', true) as value, (select nextval('counter')) as n",
]


@pytest.mark.parametrize("sql", WRITES)
def test_sql_that_writes_is_refused_by_postgresql_itself(database: str, sql: str) -> None:
    world = World(database, 3)
    world.do("create sequence counter")
    world.task("a", "queued")
    with closing(Metastore(database)) as metastore:
        result, _ = asked(metastore, a_check(sql, threshold=0, sick="{value}", well="well"))
        assert result.error
        assert metastore.rows("select count(*) as n, (select is_called from counter) as called from task_instance") == [
            {"n": 1, "called": False}
        ]
    world.close()


def test_sql_that_writes_is_refused_by_sqlite(tmp_path: Path) -> None:
    world = World(f"sqlite:///{tmp_path}/airflow.db", 3)
    world.task("a", "queued")
    with closing(Metastore(world.url)) as metastore:
        assert asked(metastore, a_check(WRITES[1], threshold=0))[0].error
        assert len(metastore.rows("select 1 from task_instance")) == 1
    world.close()


SLOW = (
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 900000000) select max(i) as value from n"
)


def test_a_question_that_is_too_much_is_given_up(world: World) -> None:
    with closing(Metastore(world.url, seconds=0.3)) as metastore:
        result, _ = asked(metastore, a_check(SLOW, threshold=0, sick="{value}", well="well"))
    assert result.error
    assert result.seconds < 20


def test_it_is_asked_as_often_as_it_says_and_of_its_own_deployment(metastore: Metastore) -> None:
    often, seldom = a_check("select 5 as value"), custom(
        "seldom", "select 5 as value", measure="value", threshold=0, sick="s", well="w", severity="error", every=3600
    )  # fmt: skip
    other = custom("other", "select 1 as value", measure="value", threshold=0, sick="s", well="w", severity="error",
                   deployment="staging")  # fmt: skip
    sweep = Sweep((often, seldom, other), metastore, "prod", lambda _: None, Memory())
    seen = [[result.check.name for result in sweep.run()] for _ in range(2)]
    assert seen == [["mine", "seldom"], ["mine"]]
    assert [result.check.name for result in sweep.run(["seldom"])] == ["seldom"]  # a person need not wait


def test_the_command_line_looks_at_it(world: World) -> None:
    (found,) = ask.ask_once("prod", world.url, ["mine"], (*catalog.ALL, a_check("select 5 as value", sick="{value}!")))
    assert found["findings"] == ["5!"]


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("select 1", ""),
        ("select ';' as a -- ; no\n;", ""),
        ("/* ; */ with a as (select 1) select * from a", ""),
        ("select $$;$$", ""),
        ("", "is empty"),
        ("-- nothing", "is empty"),
        ("select 1; select 2", "must be one statement"),
        ("select '\\'; drop table x; --'", "must be one statement"),
        ("delete from dag_run", "must be a select"),
        ("vacuum", "must be a select"),
    ],
)
def test_what_can_be_seen_in_the_sql(sql: str, fault: str) -> None:
    assert sql_fault(sql).startswith(fault)
    assert bool(sql_fault(sql)) is bool(fault)


@pytest.mark.parametrize(
    ("text", "well"), [("{a} and {b:.1f}", True), ("{a.b}", False), ("{a[0]}", False), ("{}", False), ("{", False)]
)
def test_a_sentence_names_columns_only(text: str, well: bool) -> None:
    assert (template_fault(text) == "") is well


GOOD: dict[str, Any] = {"name": "late-partners", "sql": "select 1 as value", "sick": "sick", "well": "well"}
PROD = {"prod": Airflow(url="http://a", metastore_url="sqlite:///x.db"), "bare": Airflow(url="http://b")}


def settings(*tables: dict[str, Any]) -> Settings:
    return Settings(custom_checks=list(tables), airflow=PROD)


def test_a_good_table_is_a_check() -> None:
    (check,) = own_checks(settings(GOOD | {
        "deployment": "prod", "every": "5m", "holds": "10m", "measure": "value", "threshold": 3.5, "severity": "critical",
        "tags": ["partners"], "runbook": "partners",
    }), {})  # fmt: skip
    assert (check.name, check.deployment, check.every, check.holds, check.threshold) == (
        "late-partners", "prod", 300, 600, 3.5)  # fmt: skip
    assert (check.severity, check.tags, check.runbook) == ("critical", ("partners",), "partners")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "Late Partners"}, "name"),
        ({"name": "import-errors"}, "name"),
        ({"name": None}, "name"),
        ({"sql": "drop table dag"}, "sql"),
        ({"sql": "select 1; select 2"}, "sql"),
        ({"sql": None}, "sql"),
        ({"sick": "{a.b}"}, "sick"),
        ({"well": None}, "well"),
        ({"measure": "columns"}, "measure"),
        ({"threshold": "many"}, "threshold"),
        ({"threshold": 500}, "threshold"),
        ({"threshold": float("nan"), "measure": "value"}, "threshold"),
        ({"severity": "bad"}, "severity"),
        ({"every": "soon"}, "every"),
        ({"holds": True}, "holds"),
        ({"tags": "one"}, "tags"),
        ({"runbook": 7}, "runbook"),
        ({"deployment": "staging"}, "deployment"),
        ({"deployment": "bare"}, "deployment"),
        ({"query": "select 1"}, "query"),
    ],
)
def test_what_cannot_be_is_named(changed: dict[str, Any], field: str) -> None:
    table = {name: value for name, value in (GOOD | changed).items() if value is not None}
    with pytest.raises(WrongSettings) as wrong:
        own_checks(settings(table), {check.name for check in catalog.ALL})
    assert str(wrong.value).startswith(f"custom_checks[0].{field}: ")


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(WrongSettings, match=r"custom_checks\[1\]\.name"):
        own_checks(settings(GOOD, GOOD), {})


def test_an_odd_row_keeps_neither_its_finding_nor_the_next_check_from_being_told(metastore: Metastore) -> None:
    """A subject of two lines, a task that is a number, a try that is none: the bot would refuse the signal."""
    odd = "select 'two\nlines' as subject, 3 as value, 7 as task_id, 'x' as try_number"
    following = custom(
        "next", "select 1 as one", measure="rows", threshold=0, sick="is sick", well="is well", severity="error"
    )
    checks_ = (a_check(odd), following)
    told: list[Signal] = []
    Sweep(checks_, metastore, "prod", told.extend, Memory()).run()
    assert [one.name for one in told] == ["two lines", "next"]


def test_a_check_that_cannot_be_asked_is_said_while_it_lasts(metastore: Metastore, caplog: Any) -> None:
    sweep = Sweep((a_check("select subject from nowhere"),), metastore, "prod", lambda _: None, Memory())
    sweep.run()
    sweep.run()
    assert "nowhere" in sweep.errors["mine"]
    assert len([one for one in caplog.records if "could not be asked" in one.message]) == 1


def test_what_could_not_be_told_is_asked_again_with_the_next_sweep(metastore: Metastore) -> None:
    """However seldom the check is asked otherwise."""
    told: list[Signal] = []
    trouble = [Temporary("the writer is behind")]

    def report(bodies: list[Signal]) -> None:
        if trouble:
            raise trouble.pop()
        told.extend(bodies)

    seldom = a_check("select 'x' as subject, 3 as value", every=3600.0)
    sweep = Sweep((seldom,), metastore, "prod", report, Memory())
    with pytest.raises(Temporary):
        sweep.run()
    sweep.run()
    assert [one.name for one in told] == ["x"]
