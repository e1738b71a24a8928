"""Slack: how incidents are shown, what people can type or press, and how messages are sent.

Rendering is pure: values in, plain dictionaries out. Foreign text passes `words.foreign` (or `words.plain` for fields
without markup), and every message passes `limits.fit`. Refusals are worded where the reason is known, in `responder`
and `core`; `replies` puts them into a message.
"""
