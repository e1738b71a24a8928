"""The settings: environment, TOML file and secrets, read into frozen values with an error that names field and remedy."""
