"""Fixtures that every test may ask for live in `tests.stacks`.

Where continuous integration runs, hypothesis tries the same examples each time: a change is judged by itself and not by
chance. Everywhere else it looks for new ones. A machine that is busy with other tests is slow, which says nothing of a test.
"""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.stacks"]

BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same each time", BUSY, derandomize=True)
settings.register_profile("looking", BUSY)
settings.register_profile("long", BUSY, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("same each time" if os.environ.get("CI") else "looking"))
