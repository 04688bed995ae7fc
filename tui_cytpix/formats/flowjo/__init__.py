"""Gates and scales of FlowJo workspaces."""
