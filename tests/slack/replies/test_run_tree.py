"""Every task of a DAG stands in the tree once, behind the deepest of those that it waits for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.core.airflow.protocol import Run, TaskInstance, TaskNode, TaskRef
from bot.slack.replies import run_tree
from bot.slack.replies.run_tree import tree
from tests.slack.reading import checked, last, line


def drawn(nodes: list[TaskNode], present: tuple[str, ...] = ()) -> list[str]:
    return [branch.prefix + branch.task_id for branch in tree(nodes, present)]


def test_a_task_hangs_on_the_deepest_one_in_front_of_it() -> None:
    nodes = [
        TaskNode("extract_orders", ("load", "stage")), TaskNode("extract_customers", ("stage", "audit")),
        TaskNode("audit"), TaskNode("stage", ("load",)), TaskNode("load", ("quality", "transform")),
        TaskNode("transform", ("publish",)), TaskNode("publish"), TaskNode("quality"),
    ]  # fmt: skip
    assert drawn(nodes) == [
        "extract_orders",
        "└ stage",
        "  └ load",
        "    ├ transform",
        "    │ └ publish",
        "    └ quality",
        "extract_customers",
        "└ audit",
    ]


def test_a_task_that_the_dag_has_no_more_stands_last() -> None:
    assert drawn([TaskNode("b"), TaskNode("a", ("gone",))], ("a", "b", "old")) == ["b", "a", "old"]


@given(st.dictionaries(st.sampled_from("abcdefghij"), st.lists(st.sampled_from("abcdefghij"), max_size=4)))
def test_every_task_stands_exactly_once_whatever_the_graph(graph: dict[str, list[str]]) -> None:
    nodes = [TaskNode(task, tuple(after)) for task, after in graph.items()]
    assert sorted(branch.task_id for branch in tree(nodes)) == sorted(graph)


def test_a_long_chain_leaves_the_names_readable() -> None:
    nodes = [TaskNode(f"t{n:04}", (f"t{n + 1:04}",)) for n in range(2_000)]
    assert max(len(branch.prefix) for branch in tree(nodes)) < 25


def test_of_more_tasks_than_a_screen_holds_the_failed_ones_stay_with_what_they_hang_on() -> None:
    names = [f"t{n:03}" for n in range(200)]
    nodes = [TaskNode("start", ("middle",)), TaskNode("middle", tuple(names)), *map(TaskNode, names)]
    states = {"t150": "failed", "t199": "failed"}
    instances = [
        TaskInstance(TaskRef("d", "r", node.task_id), states.get(node.task_id, "success"), 1) for node in nodes
    ]
    message = checked(run_tree.tasks(Run("d", "r", "failed"), instances, "", nodes, "prod:"))
    shown = line(message, "rich_text").split("\n")
    assert [text.split()[-3] for text in shown if "✗" in text] == ["failed", "failed"]
    assert [text.split()[1] for text in shown[:2]] == ["start", "└"]
    assert len(shown) == 45
    assert "200 of 202 task instances succeeded · t150 and t199 failed" in line(message, "section")
    assert last(message).startswith("prod · +157 more tasks · ")
    assert last(message).endswith("next: `/airflow clear prod:d@r failed`")
