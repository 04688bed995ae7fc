"""The declarations of every command, by screen or widget."""
