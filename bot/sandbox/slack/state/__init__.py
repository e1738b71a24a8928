"""What the local Slack remembers: people, channels, messages, files, open views."""
