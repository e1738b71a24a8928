"""Slack: how an incident looks there, what a person may type or press, and how a message gets there.

`blocks`, `answers` and `modals` are pure: values in, plain dictionaries out. Rule: every sentence that a person reads in
Slack is made in this package, foreign text passes `words.foreign` (or `words.plain` where Slack reads no markup), and
every message passes `limits.fit`.
"""
