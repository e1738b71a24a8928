"""Slack: how an incident looks there, what a person may type or press, and how a message gets there.

Rendering is pure: values in, plain dictionaries out. Foreign text passes `words.foreign` (or `words.plain` where Slack
reads no markup), and every message passes `limits.fit`. Refusals are written where the reason is known, in `responder`
and `core`; `replies` puts them into a message.
"""
