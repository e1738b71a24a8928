"""Shared by the commands: the settings, the store and the exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.config.settings import Settings
    from bot.store.database import Store


FINE, FAULT, WRONG = 0, 1, 2


def read_settings() -> Settings:
    from bot.config.settings import load

    return load()


def open_store(settings: Settings) -> Store:
    from bot.store.database import Store

    store = Store(settings.store.url)
    store.migrate()
    return store
