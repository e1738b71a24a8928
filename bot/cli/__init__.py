"""The `windsock` command: one module for each group of subcommands."""
