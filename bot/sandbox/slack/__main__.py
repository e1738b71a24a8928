"""`python -m bot.sandbox.slack`: the local Slack as a process of its own.

A launcher waits for the address, which is one line of JSON on standard output, printed once the server can be reached.
It ends at once on SIGTERM and SIGINT, and with `--die-with-parent` when its parent has died.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bot.sandbox.processes import serving
from bot.sandbox.slack.rules.config import SCOPES, Config, Limits
from bot.sandbox.slack.server import create_app


def main(arguments: list[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    if asked.die_with_parent:
        serving.die_with_parent()
    config = Config(
        port=asked.port,
        bot_token=asked.bot_token,
        app_token=asked.app_token,
        signing_secret=asked.signing_secret,
        http_url=asked.http_url,
        command=asked.command,
        scopes=frozenset(asked.scopes.split(",")) if asked.scopes else SCOPES,
        limits=Limits(pace=not asked.no_pace),
    )
    with serving.bound(config.host, config.port) as (listener, url):
        serving.forever(create_app(config, url), listener, url, as_json=asked.json, ready_file=asked.ready_file)


def _parser() -> argparse.ArgumentParser:
    blank = Config()
    parser = argparse.ArgumentParser(
        prog="python -m bot.sandbox.slack",
        description="A local Slack workspace: Web API under /api/, Socket Mode, signed HTTP, a page at /.",
        epilog="example: python -m bot.sandbox.slack --port 8091 --json",
    )
    parser.add_argument("--port", type=int, default=8091, help="0 takes a free one (default: 8091)")
    parser.add_argument("--http-url", help="the bot's /slack/events; without it Socket Mode is used")
    parser.add_argument("--bot-token", default=blank.bot_token)
    parser.add_argument("--app-token", default=blank.app_token)
    parser.add_argument("--signing-secret", default=blank.signing_secret)
    parser.add_argument("--command", default=blank.command, help="the slash command that the app has")
    parser.add_argument("--scopes", help="comma-separated; the default is what Windsock's manifest asks for")
    parser.add_argument("--no-pace", action="store_true", help="lift the limits of pace, not those of size")
    parser.add_argument("--json", action="store_true", help='print {"url": …} when listening')
    parser.add_argument("--ready-file", type=Path, help='write {"url": …} here when listening')
    parser.add_argument("--die-with-parent", action="store_true", help="end when the parent process ends")
    return parser


if __name__ == "__main__":
    main()
