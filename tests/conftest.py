"""Fixtures that every test may ask for live in `tests.stacks`."""

pytest_plugins = ["tests.stacks"]
