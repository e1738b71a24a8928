"""The local Slack's state: people, channels, messages, files, open views."""
