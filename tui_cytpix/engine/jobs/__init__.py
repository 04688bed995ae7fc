"""The jobs that the app starts, and what they share: heartbeat, wishes, an end that is always told."""
