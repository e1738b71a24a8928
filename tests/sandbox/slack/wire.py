"""One HTTP client for all tests of the local Slack; making one takes longer than most of them."""

from __future__ import annotations

import atexit

import httpx

HTTP = httpx.Client(trust_env=False, timeout=15)
atexit.register(HTTP.close)
