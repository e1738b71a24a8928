"""The settings: environment, TOML file and secrets, read into frozen values; errors name the field and the remedy."""
