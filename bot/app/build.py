"""Builds from the settings what the bot and the commands need: gateways, runbooks, services."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from bot.airflow.gateway import Gateway, GatewayConfig
from bot.app.pagers import titles
from bot.app.sources import Sources
from bot.config.access import access
from bot.config.routes import policy_of
from bot.config.runbooks import read_all
from bot.config.schedules import windows
from bot.config.settings import Settings, WrongSettings
from bot.core.incidents.runbook import Runbook
from bot.responder.services import Services
from bot.store.database import Store

logger = logging.getLogger(__name__)


def gateway_configs(settings: Settings) -> Iterator[GatewayConfig]:
    for name, one in settings.airflow.items():
        yield GatewayConfig(
            name=name, url=one.url, username=one.username, password=one.password.get_secret_value(),
            token=one.token.get_secret_value(), token_command=one.token_command, ui_url=one.ui_url,
        )  # fmt: skip


def load_runbooks(settings: Settings) -> list[Runbook]:
    """The usable runbooks; the faults of the others are logged."""
    books, wrong = read_all(settings.runbooks.path)
    for fault in wrong:
        logger.warning("runbook %s", fault)
    return books


def services_of(
    settings: Settings, gateways: Sequence[Gateway], runbooks: Sequence[Runbook], sources: Sources | None = None
) -> Services:
    """The services. Raises WrongSettings for a setting that is not valid."""
    try:
        return Services(
            store=Store(settings.store.url), policy=policy_of(settings), access=access(settings.access),
            runbooks=runbooks, maintenance=windows(settings.maintenance),
            airflows={gateway.name: gateway for gateway in gateways},
            public_url=settings.public_url, pagers=titles(settings),
            new_a_minute=settings.slack.new_messages_a_minute,
            **(sources.services() if sources is not None else {}),
        )  # fmt: skip
    except ValueError as error:
        raise WrongSettings(str(error)) from None
