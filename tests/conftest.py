"""Fixtures that every test may ask for live in `tests.stacks`.

Where continuous integration runs, hypothesis tries the same examples each time: a change is judged by itself and not by
chance. Everywhere else it looks for new ones.
"""

import os

from hypothesis import settings

pytest_plugins = ["tests.stacks"]

settings.register_profile("same each time", derandomize=True, deadline=None)
settings.register_profile("looking", deadline=None)
settings.register_profile("long", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("same each time" if os.environ.get("CI") else "looking"))
