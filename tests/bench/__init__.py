"""`make bench`: what docs/BENCHMARKS.md promises, measured. No test imports this."""
