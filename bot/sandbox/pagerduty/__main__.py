"""`python -m bot.sandbox.pagerduty`: the local PagerDuty as a process of its own."""

from __future__ import annotations

import argparse
from pathlib import Path

from bot.sandbox.pagerduty.server import Config, create_app
from bot.sandbox.processes import serving


def main(arguments: list[str] | None = None) -> None:
    blank = Config()
    parser = argparse.ArgumentParser(
        prog="python -m bot.sandbox.pagerduty",
        description="A local PagerDuty: events, incidents, webhooks, a page at /.",
        epilog="example: python -m bot.sandbox.pagerduty --port 8092 --webhook-url http://127.0.0.1:8090/v1/pagerduty",
    )
    parser.add_argument("--port", type=int, default=8092, help="0 takes a free one (default: 8092)")
    parser.add_argument("--api-token", default=blank.api_token)
    parser.add_argument("--webhook-url", help="the bot's /v1/pagerduty")
    parser.add_argument("--webhook-secret", default=blank.webhook_secret)
    parser.add_argument("--json", action="store_true", help='print {"url": …} when listening')
    parser.add_argument("--ready-file", type=Path, help='write {"url": …} here when listening')
    parser.add_argument("--die-with-parent", action="store_true", help="end when the parent process ends")
    asked = parser.parse_args(arguments)
    if asked.die_with_parent:
        serving.die_with_parent()
    config = Config("127.0.0.1", asked.port, asked.api_token, asked.webhook_url, asked.webhook_secret)
    with serving.bound(config.host, config.port) as (listener, url):
        serving.forever(create_app(config, url), listener, url, as_json=asked.json, ready_file=asked.ready_file)


if __name__ == "__main__":
    main()
