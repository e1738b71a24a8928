"""Secrets in foreign text, as `bot.core.masking` hides them: the edge's own door to it.

Rule: what a person may see went through `masked`.
"""

from __future__ import annotations

from bot.core.masking import LONGEST, MASK, masked, secrets_in

__all__ = ["LONGEST", "MASK", "masked", "secrets_in"]
