"""`make demo`: a whole workplace on one machine, from nothing to the first alerts, until Ctrl-C.

The hard cases by name: *taken ports* (the next free ones are used), *the second run* (what was installed and
migrated is reused, but Airflow's history and the bot's store begin anew: the local Slack has forgotten the old
messages), *Ctrl-C at any moment* (also half-way through the start), *the false alarm* (the bot is started when
Airflow's scheduler beats, else its first word would be that the scheduler is silent). The rule: it ends with no
process and no lock left behind, and whatever dies is named with its last words.
"""

import json
import os
import sys
import threading
import time
import webbrowser
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx

from bot.sandbox import postgres
from bot.sandbox.airflow.launcher import AirflowStack, install_dags
from bot.sandbox.demo.settings import clean, for_the_bot, for_the_plugin
from bot.sandbox.demo.shutdown import Failed, ending_by_signal, ignoring_signals, only_one
from bot.sandbox.demo.welcome import TO_TRY, addresses
from bot.sandbox.processes.children import Child, wait_for
from bot.sandbox.processes.ports import free_ports
from bot.sandbox.provision import ROOT, environment, is_current

AGAIN_SECONDS = 5.0  # a bot that ends sooner than that each time is left alone
WAREHOUSE = (
    *("ledger_daily", "invoices_daily", "payments_hourly"),
    *("refunds_hourly", "stock_daily", "shipments_daily"),
)
# The first one first: it is the alert that a newcomer is waiting for.
TRIGGERED = (
    *("sales_daily", "risk_report", *WAREHOUSE, "orders_hourly", "customers_import", "model_training"),
    *("mart_build", "currency_rates", "newsletter_weekly"),
)


def run(airflow: str = "3.3.2", headless: bool = False, as_json: bool = False, home: Path | None = None) -> int:
    """Run the demo until Ctrl-C or SIGTERM. 0 when it was ended by hand, 1 when it could not come up.

    With `as_json` standard output gets one line of JSON when all is up, and nothing else.
    """
    demo = Demo(airflow, home or ROOT / ".demo" / airflow)
    with ending_by_signal():
        try:
            with only_one(demo.home), demo:
                demo.bring_up()
                demo.present(headless, as_json)
                demo.follow()
        except KeyboardInterrupt:
            demo.say("ended; nothing is left running")
        except Failed as sorry:
            demo.say(str(sorry))
            return 1
    return 0


class Demo:
    """All the parts and their order: local Slack, PagerDuty, PostgreSQL, bot; Airflow in a thread beside them."""

    def __init__(self, version: str, home: Path) -> None:
        self.version, self.home, self._begun = version, home, time.monotonic()
        home.mkdir(parents=True, exist_ok=True)
        self._exits = ExitStack()
        self._over, self._beats = threading.Event(), threading.Event()
        self._children: list[Child] = []
        self._stack: AirflowStack | None = None
        self.urls: dict[str, str] = {}

    def say(self, line: str) -> None:
        """A line of progress with the seconds since the start."""
        print(f"[demo {time.monotonic() - self._begun:5.1f} s] {line}", file=sys.stderr, flush=True)

    def __enter__(self) -> "Demo":
        return self

    def __exit__(self, *_: object) -> None:
        with ignoring_signals():
            self.say("ending …")
            self._over.set()
            for child in self._parts():
                child.ask_to_end()
            self._exits.close()

    def bring_up(self) -> None:
        """Everything, in the order in which it is needed. Failed with the reason when a part does not come up."""
        airflow_port, bot_port, slack_port, pager_port = free_ports(8080, 8090, 8091, 8092)
        self.urls["airflow"] = f"http://127.0.0.1:{airflow_port}"
        self.urls["bot"] = f"http://127.0.0.1:{bot_port}"
        # Leaving the pool waits for its thread, so it is entered first: what the thread waits for ends before.
        pool = self._exits.enter_context(ThreadPoolExecutor(1, thread_name_prefix="airflow"))
        webhook = ["--webhook-url", f"{self.urls['bot']}/v1/pagerduty"]
        slack, pager = self._local("slack", slack_port), self._local("pagerduty", pager_port, *webhook)
        server = self._exits.enter_context(postgres.running(self.home / "pg"))
        airflow = pool.submit(self._airflow, server)
        self.urls["slack"], self.urls["pagerduty"] = self._hello(slack), self._hello(pager)
        self.say(f"local Slack at {self.urls['slack']}, local PagerDuty at {self.urls['pagerduty']}")
        self._await(airflow, self._beats)
        self._bot(server.url("airflow"))
        self._await(airflow)
        self._fail_dags()

    def _local(self, name: str, port: int, *more: str) -> Child:
        words = [sys.executable, "-m", f"bot.sandbox.{name}", "--port", str(port), *more]
        command = [*words, "--json", "--die-with-parent"]
        return self._start(Child(name, command, self._log(name), env=clean(), cwd=ROOT))

    def _start(self, child: Child) -> Child:
        self._exits.callback(child.stop, 5)
        child.start()
        self._children.append(child)
        return child

    def _log(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def _hello(self, child: Child) -> str:
        """The address that a local service prints as its first line."""

        def url() -> str:
            for line in child.log.read_text(errors="replace").splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    return str(json.loads(line)["url"]).rstrip("/")
            return ""

        wait_for(lambda: url() or child.died, 30, every=0.05)
        return url() or self._blame(child)

    def _blame(self, child: Child) -> str:
        state = f"ended ({child.exit_code})" if child.died else "did not come up"
        raise Failed(f"{child.name} {state}. Its last words ({child.log}):\n{child.tail()}")

    def _bot(self, metastore: str) -> None:
        for old in self.home.glob("windsock.db*"):
            old.unlink()
        words = [sys.executable, "-m", "bot", "serve"]
        bot = self._start(
            Child("bot", words, self._log("bot"), env=for_the_bot(self.home, self.urls, metastore), cwd=ROOT)
        )
        ready = f"{self.urls['bot']}/readyz"
        if not wait_for(lambda: bot.died or answers(ready), 60, every=0.1) or bot.died:
            self._blame(bot)
        self.say(f"bot at {self.urls['bot']}")

    def _airflow(self, server: postgres.Postgres) -> AirflowStack:
        """In the thread: install Airflow's environment if need be, give it a fresh metastore, start it."""
        self._provision()
        self.say(f"starting Airflow {self.version}")
        stack = self._stack = self._make_stack(server.url("airflow"))
        self._exits.callback(stack.stop)
        if self._over.is_set():
            raise Failed("ended before Airflow was started")
        self._fresh_metastore(server, stack)
        stack.start()
        self._beats.set()
        stack.rest.wait_for_dags(*TRIGGERED)
        return stack

    def _provision(self) -> None:
        env = environment(f"airflow-{self.version}")
        if is_current(env):
            return
        self.say(f"installing Airflow {self.version} into an environment of its own (once)")
        script = ROOT / "bot" / "sandbox" / "provision.py"
        child = Child("provision", [sys.executable, script, env.name], self._log("provision"), env=clean(), cwd=ROOT)
        self._exits.callback(child.stop, 2)
        child.start()
        shown = 0
        while child.running or shown < len(child.log.read_text().splitlines()):
            for line in child.log.read_text().splitlines()[shown:]:
                self.say(line.removeprefix("[setup] "))
                shown += 1
            self._over.wait(0.2)
        if child.exit_code:
            self._blame(child)

    def _make_stack(self, metastore: str) -> AirflowStack:
        port = int(self.urls["airflow"].rpartition(":")[2])
        dags = install_dags(self.home / "dags", broken=True)
        return AirflowStack(
            self.version,
            self.home / "airflow",
            dags,
            port=port,
            database_url=metastore,
            plugin_env=for_the_plugin(self.home, self.urls),
            extra_env={"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False"},  # the one with a schedule succeeds
            say=self.say,
        )

    def _fresh_metastore(self, server: postgres.Postgres, stack: AirflowStack) -> None:
        """Migrated once and kept as a template, so that each demo begins without yesterday's runs."""
        if not (stack.is_migrated and server.has_database("airflow_clean")):
            (stack.home / "migrated").unlink(missing_ok=True)
            server.drop_database("airflow_clean")
            server.drop_database("airflow")
            server.create_database("airflow")
            stack.migrate()
            server.create_database("airflow_clean", template="airflow")
            return
        server.drop_database("airflow")
        server.create_database("airflow", template="airflow_clean")

    def _await(self, airflow: "Future[AirflowStack]", milestone: threading.Event | None = None) -> None:
        """Until Airflow is up, or has reached the milestone; meanwhile a part that dies ends the wait."""
        reached = milestone.is_set if milestone else airflow.done
        wait_for(lambda: reached() or airflow.done() or self._dead(), 600, every=0.1)
        if dead := self._dead():
            self._blame(dead[0])
        if milestone and milestone.is_set():
            return
        try:
            airflow.result(timeout=0)
        except (RuntimeError, AssertionError, TimeoutError, httpx.HTTPError) as sorry:
            raise Failed(f"Airflow {self.version} did not come up: {sorry}") from sorry
        self.say(f"Airflow {self.version} at {self.urls['airflow']} (admin / admin)")

    def _parts(self) -> list[Child]:
        return [*self._children, *(self._stack.components.values() if self._stack else ())]

    def _dead(self) -> list[Child]:
        return [child for child in self._parts() if child.died]

    def _fail_dags(self) -> None:
        assert self._stack is not None  # noqa: S101 - _await has seen it
        self._stack.rest.furnish()
        for dag in TRIGGERED:
            self._stack.rest.trigger(dag, unpause=False)
        self.say(f"{len(TRIGGERED)} DAGs triggered; most of them fail on purpose")

    def present(self, headless: bool, as_json: bool) -> None:
        """Say where everything is, and what to try."""
        if as_json:
            names = ("slack", "airflow", "bot", "pagerduty")
            print(json.dumps({name: self.urls[name] for name in names}), flush=True)
        else:
            print(addresses(self.urls), TO_TRY, sep="\n", flush=True)
        graphical = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if graphical and not headless:
            webbrowser.open(self.urls["slack"])

    def follow(self) -> None:
        """Until Ctrl-C. A part that dies is named once; the others go on, as a real workplace would, and the bot is started
        again, as whatever keeps it there would."""
        named: set[int] = set()
        begun = time.monotonic()
        while True:
            for child in self._dead():
                if child.pid in named:
                    continue
                named.add(child.pid)
                self.say(f"{child.name} ended ({child.exit_code}). Its last words:\n{child.tail()}")
                if child.name == "bot" and time.monotonic() - begun > AGAIN_SECONDS:
                    begun = time.monotonic()
                    child.start()
                    self.say("bot started again; what it had accepted, and what was told meanwhile, is not lost")
            time.sleep(0.5)


def answers(url: str) -> bool:
    """True when `url` answers 200."""
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    return False
