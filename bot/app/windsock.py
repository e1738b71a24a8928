"""The bot: built from its settings, started and stopped.

If Slack or an Airflow is unavailable at the start, the bot starts anyway, accepts signals and keeps retrying; `/readyz`
and `doctor` report what is missing. Nothing is built at import; everything that was started is stopped, and the writer
commits what was accepted.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial

from bot.airflow.gateway import Gateway, connect, warm_up
from bot.app import readiness
from bot.app.build import gateway_configs, load_runbooks, services_of
from bot.app.pagers import Pagers
from bot.app.schedule import Schedule
from bot.app.slack import SlackSide
from bot.app.sources import Sources
from bot.checks.metastore.connection import Metastore
from bot.checks.reconcile.from_api import ApiSource
from bot.checks.reconcile.from_metastore import MetastoreSource
from bot.checks.reconcile.reconcile import Reconcile
from bot.checks.sweep import Sweep
from bot.config.checks import checks_of
from bot.config.schedules import digest_of
from bot.config.settings import Settings, WrongSettings
from bot.config.tokens import TokenFiles
from bot.core.incidents.alert import Kind
from bot.core.signals.signal import Signal
from bot.responder.access import break_glass
from bot.responder.actions.variable import forget_old_values
from bot.responder.alerts import announcements, delivery, enrichment, overflow
from bot.responder.alerts.reminders import EVERY, remind, settle
from bot.responder.alerts.threads import tell
from bot.responder.incidents.silences import end_old_silences
from bot.responder.lookups.daily_digest import send_due
from bot.responder.remediation import approve, carry_out
from bot.responder.remediation.timed_pauses import end_pauses
from bot.responder.signals import recoveries
from bot.responder.signals.canary import Canary
from bot.responder.signals.intake import Intake
from bot.responder.upkeep import EVERY as TIDY_EVERY
from bot.responder.upkeep import tidy
from bot.slack.alert import overflow as overflow_message
from bot.slack.alert.poster import Poster
from bot.slack.api.client import called, client
from bot.slack.api.people import REFRESH_SECONDS
from bot.slack.home import publisher
from bot.slack.interactions import approvals, owed_answers
from bot.slack.replies.daily_digest import digest
from bot.store import alerts, remediations
from bot.store.signals import signals
from bot.web.http import Edge

logger = logging.getLogger(__name__)
FOLLOW_SECONDS = 10


class Windsock:
    """The bot, built from settings; `start` starts it, `stop` stops it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runbooks = load_runbooks(settings)
        self.gateways = [connect(config) for config in gateway_configs(settings)]
        self._checks = checks_of(settings)
        self._sources = Sources(settings, self._checks)
        self.services = services_of(settings, self.gateways, self.runbooks, self._sources)
        self.intake = Intake(self.services)
        self._metastores: list[Metastore] = []
        self.slack_client = client(settings.slack.bot_token.get_secret_value(), settings.slack.api_url)
        self.sweeps = [
            self._sweep(name) for name, one in settings.airflow.items() if one.metastore_url.get_secret_value()
        ]
        self.reconciles = [self._reconcile(gateway) for gateway in self.gateways]
        has_token = bool(settings.slack.bot_token.get_secret_value())
        self.slack = SlackSide(settings.slack, self.slack_client, self.services) if has_token else None
        self._rounds = Schedule()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._pagers: Pagers | None = None
        self.canary = self._canary()

    def start(self) -> None:
        """Migrates the store, then starts everything. Raises WrongSettings if another bot holds the store."""
        try:
            self.services.store.hold()
        except ValueError as error:
            raise WrongSettings(str(error)) from None
        self.services.store.migrate()
        self._take_over()
        self.intake.start()
        if self.gateways:
            warm_up()
        if self.slack is not None:
            poster = Poster(self.slack_client, self.services.remembered)
            chores = (
                lambda: tell(self.services, poster),
                lambda: overflow.tell(self.services, partial(overflow_message.show, poster)),
                lambda: announcements.announce(self.services, poster.announce),
                lambda: self._send_digest(poster),
                lambda: approve.tell(self.services, partial(approvals.show, poster)),
                lambda: break_glass.tell(self.services, partial(approvals.loud, poster)),
            )
            self._run("slack alerts", delivery.run, self.services, Kind.slack, poster.show, self._stop, chores)
            if self.settings.slack.mode == "socket":
                self._run("slack sockets", self.slack.connect, self._stop)
        if self.services.pages:
            self._pagers = Pagers(self.settings)
            self._run("pages", delivery.run, self.services, Kind.pager, self._pagers, self._stop)
        self._run("remediations", carry_out.run, self.services, self.report, self._stop)
        self._run("context", enrichment.learn_loop, self.services, self._stop)
        self._schedule()

    def _send_digest(self, poster: Poster) -> None:
        if (plan := digest_of(self.settings)) is not None:
            send_due(
                self.services, plan, lambda told, channel: poster.notice(f"digest-{told.day}", digest(told), channel)
            )

    def _take_over(self) -> None:
        """Prepares the store after a restart: resets a mark beyond the newest signal, makes failing alerts due now, and
        releases all claims in a store of one process, because they belong to the one that ended."""
        with self.services.store.write() as t:
            if (upto := signals.newest(t)) < signals.observed(t):
                logger.warning("signals of this store were lost; those that arrive from now on are observed")
                signals.set_observed(t, upto)
            self.intake.observer.begin(signals.observed(t))
            alerts.try_at_once(t, self.services.clock())
            if self.services.store.is_sqlite:
                alerts.let_go(t)
                remediations.let_go(t)

    def stop(self) -> None:
        """Stops everything; accepted signals are committed first."""
        self._stop.set()
        for event in (
            self.services.alerts_owed,
            self.services.pages_owed,
            self.services.remediation_owed,
            self.services.news,
        ):
            event.set()
        self._rounds.stop()
        if self.slack is not None:
            self.slack.close()
        for thread in self._threads:
            thread.join(timeout=5)
        self.intake.stop()
        if self._pagers is not None:
            self._pagers.close()
        for gateway in self.gateways:
            gateway.close()
        for metastore in self._metastores:
            metastore.close()
        self._sources.close()
        self.services.store.close()

    def report(self, told: Sequence[Signal]) -> object:
        """Accepts the bot's own signals, through the same intake as everyone's."""
        return self.intake.take(told) if told else None

    def edge(self) -> Edge:
        """The dependencies of the HTTP edge."""
        dispatch = self.slack.dispatch if self.slack is not None and self.settings.slack.mode == "http" else None
        secret = self.settings.pagerduty.webhook_secret.get_secret_value()
        tokens = TokenFiles(self.settings)
        signing = self.settings.slack.signing_secret.get_secret_value()
        return Edge(self.services, self.intake, tokens, self.parts, dispatch, secret, signing)

    def parts(self) -> dict[str, str]:
        """What is wrong with each part, empty if it works."""
        return {
            **readiness.of_threads(self.intake, self._threads),
            "slack": self._slack_trouble(),
            "alerts": readiness.of_alerts(self.services.store),
            "checks": readiness.of_checks(self.sweeps),
            "canary": self.canary.trouble() if self.canary else "",
        }

    def _slack_trouble(self) -> str:
        if self.slack is None:
            return "WINDSOCK_SLACK__BOT_TOKEN is not set: alerts are kept and shown nowhere"
        if self.settings.slack.mode == "socket" and not self.slack.is_connected:
            return "no socket to Slack is open: commands and presses do not arrive"
        return self.canary.outside_trouble if self.canary else ""

    def _canary(self) -> Canary | None:
        """The canary, or None if it is disabled. It watches only the loops that this bot runs."""
        settings = self.settings.canary
        if not settings.interval:
            return None
        loops = ["remediations"]
        if self.slack is not None:
            loops.append(Kind.slack.value)
        if self.services.pages:
            loops.append(Kind.pager.value)
        reach = (lambda: called(self.slack_client.auth_test)) if self.slack is not None else None
        return Canary(self.services, self.report, settings.interval, loops, reach, settings.dead_man_url)

    def _run(self, name: str, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _schedule(self) -> None:
        every = self._rounds.every
        seconds = self.settings.sweep.interval.total_seconds()
        for sweep in self.sweeps if seconds else ():
            every(seconds, sweep.run)
        pause = self.settings.reconcile.interval.total_seconds()
        for one in self.reconciles if pause else ():
            every(pause, one.keep_up)
        if self.gateways:
            every(FOLLOW_SECONDS, lambda: recoveries.follow(self.services, self.report))
        if self.slack is not None:
            if self.services.access.groups:
                every(REFRESH_SECONDS, self.slack.people.refresh)
            every(owed_answers.EVERY, self.slack.owed.round)
            every(publisher.EVERY, self.slack.homes.round)
        every(5, lambda: end_old_silences(self.services))
        every(5, lambda: end_pauses(self.services))
        every(60, lambda: forget_old_values(self.services))
        every(EVERY.total_seconds(), lambda: remind(self.services))
        every(EVERY.total_seconds(), lambda: settle(self.services))
        if keep := self.settings.store.keep:
            every(TIDY_EVERY.total_seconds(), lambda: tidy(self.services, keep))
        if self.canary is not None:
            every(self.canary.interval.total_seconds(), self.canary.fly)
        self._rounds.start()

    def _sweep(self, name: str) -> Sweep:
        metastore = self._metastore(self.settings.airflow[name].metastore_url.get_secret_value())
        return Sweep(self._checks, metastore, name, self.report, self.services.remembered)

    def _reconcile(self, gateway: Gateway) -> Reconcile:
        url = self.settings.airflow[gateway.name].metastore_url.get_secret_value()
        source = MetastoreSource(self._metastore(url), gateway.name) if url else ApiSource(gateway, self.services.clock)
        return Reconcile(gateway.name, source, self.services.store, self.report, self.services.clock)

    def _metastore(self, url: str) -> Metastore:
        self._metastores.append(Metastore(url))
        return self._metastores[-1]
