"""The few requests that the demo and the tests make to a real Airflow, with one interface for both majors.

It is not the bot's gateway, because a test must not depend on the code under test. A token that a restarted API server
doesn't know is fetched again once. Every call has a timeout.
"""

import uuid
from typing import Any
from urllib.parse import quote

import httpx

from bot.sandbox.processes.children import wait_for

ENDED = ("success", "failed")
VARIABLES = (
    ("orders_page_size", "500", "How many orders are fetched at once"),
    ("shop_api_password", "not-a-real-secret", "For the shop's API"),
)
CONNECTION = {
    "connection_id": "landing_zone",
    "conn_type": "fs",
    "description": "Where files come in",
    "extra": '{"path": "/"}',
}


class AirflowRest:
    """A client of one Airflow. Methods raise httpx.HTTPError if Airflow is unavailable or refuses."""

    def __init__(self, url: str, major: int, username: str = "admin", password: str = "admin") -> None:  # noqa: S107
        self.major, self._who = major, (username, password)
        self._client = httpx.Client(base_url=url, timeout=15, trust_env=False)

    def close(self) -> None:
        """Closes the connections and forgets the token."""
        self._client.close()
        self._client.headers.pop("Authorization", None)

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """``call("GET", "dags")`` → the decoded answer; the version's prefix and the login are added."""
        answer = self._send(method, path, arguments)
        if answer.status_code in (401, 403) and self.major == 3:
            self._client.headers.pop("Authorization", None)
            answer = self._send(method, path, arguments)
        if answer.is_error:
            raise httpx.HTTPStatusError(
                f"{method} {path}: {answer.status_code} {answer.text[:300]}",
                request=answer.request,
                response=answer,
            )
        return answer.json() if answer.content else None

    def _send(self, method: str, path: str, arguments: dict[str, Any]) -> httpx.Response:
        if self.major == 2:
            return self._client.request(method, f"/api/v1/{path}", auth=self._who, **arguments)
        if "Authorization" not in self._client.headers:
            name, password = self._who
            body = {"username": name, "password": password}
            answer = self._client.post("/auth/token", json=body).raise_for_status()
            self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return self._client.request(method, f"/api/v2/{path}", **arguments)

    def health(self) -> dict[str, Any]:
        """Airflow's own health report; empty while it does not answer."""
        try:
            path = "/health" if self.major == 2 else "/api/v2/monitor/health"
            return dict(self._client.get(path, timeout=5).raise_for_status().json())
        except (httpx.HTTPError, ValueError):
            return {}

    def api_is_healthy(self) -> bool:
        """Whether the API answers and reaches its database."""
        return self._is_healthy("metadatabase")

    def is_healthy(self) -> bool:
        """Whether every component that is needed to run a task is healthy."""
        parts = ["metadatabase", "scheduler", *(["dag_processor"] if self.major == 3 else [])]
        return self._is_healthy(*parts)

    def _is_healthy(self, *parts: str) -> bool:
        health = self.health()
        return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

    def dag_ids(self) -> set[str]:
        """The DAGs that Airflow has parsed so far."""
        return {dag["dag_id"] for dag in self.call("GET", "dags", params={"limit": 100})["dags"]}

    def wait_for_dags(self, *wanted: str, seconds: float = 90) -> None:
        """Waits until Airflow has parsed all of them. Raises AssertionError with the missing ones."""
        wait_for(lambda: set(wanted) <= self.dag_ids(), seconds, every=0.5)
        if missing := set(wanted) - self.dag_ids():
            raise AssertionError(f"Airflow has not parsed {sorted(missing)}: {self.import_errors()}")

    def import_errors(self) -> list[dict[str, Any]]:
        """The import errors that Airflow reports."""
        return list(self.call("GET", "importErrors")["import_errors"])

    def set_paused(self, dag: str, paused: bool) -> None:
        """Pauses or unpauses a DAG."""
        self.call("PATCH", f"dags/{dag}", json={"is_paused": paused})

    def trigger(
        self, dag: str, conf: dict[str, Any] | None = None, run_id: str | None = None, unpause: bool = True
    ) -> str:
        """Unpauses the DAG (unless asked not to), starts a run, and returns its id."""
        if unpause:
            self.set_paused(dag, False)
        body: dict[str, Any] = {"conf": conf or {}, "dag_run_id": run_id or f"manual__{uuid.uuid4().hex[:12]}"}
        if self.major == 3:
            body["logical_date"] = None
        return str(self.call("POST", f"dags/{dag}/dagRuns", json=body)["dag_run_id"])

    def furnish(self) -> None:
        """Creates a few variables and a connection as examples: one value is a secret, and the connection's test
        succeeds."""
        for key, value, description in VARIABLES:
            self.call("POST", "variables", json={"key": key, "value": value, "description": description})
        self.call("POST", "connections", json=CONNECTION)

    def run_state(self, dag: str, run: str) -> str:
        """``queued``, ``running``, ``success`` or ``failed``."""
        return str(self.call("GET", f"dags/{dag}/dagRuns/{quote(run, safe='')}")["state"])

    def task_instances(self, dag: str, run: str) -> list[dict[str, Any]]:
        """All task instances of a run, as Airflow reports them (at most 1,000)."""
        path, found = f"dags/{dag}/dagRuns/{quote(run, safe='')}/taskInstances", []
        for offset in range(0, 1000, 100):
            page = self.call("GET", path, params={"limit": 100, "offset": offset})["task_instances"]
            found += page
            if len(page) < 100:
                break
        return found

    def task_states(self, dag: str, run: str) -> dict[str, tuple[str | None, int]]:
        """``{"load": ("failed", 1), "load[2]": ("success", 1)}``: state and try number by task."""
        return {
            ti["task_id"] + (f"[{ti['map_index']}]" if ti["map_index"] >= 0 else ""): (ti["state"], ti["try_number"])
            for ti in self.task_instances(dag, run)
        }

    def task_state(self, dag: str, run: str, task: str, map_index: int = -1) -> tuple[str | None, int]:
        """State and try number of one task instance; (None, 0) if it doesn't exist."""
        name = task + (f"[{map_index}]" if map_index >= 0 else "")
        return self.task_states(dag, run).get(name, (None, 0))

    def wait_for_end(self, dag: str, run: str, seconds: float = 90) -> str:
        """Waits for the end of a run and returns its state. Raises AssertionError with the task states if it didn't
        end."""
        wait_for(lambda: self.run_state(dag, run) in ENDED, seconds, every=0.3)
        if (state := self.run_state(dag, run)) not in ENDED:
            raise AssertionError(f"{dag} {run} is still {state}: {self.task_states(dag, run)}")
        return state

    def clear(self, dag: str, run: str, *tasks: str, only_failed: bool = True) -> None:
        """Clears tasks of a run (all of them if none is given), so that they run again."""
        body: dict[str, Any] = {"dry_run": False, "dag_run_id": run, "only_failed": only_failed}
        body |= {"reset_dag_runs": True, **({"task_ids": list(tasks)} if tasks else {})}
        self.call("POST", f"dags/{dag}/clearTaskInstances", json=body)
