"""The screens: home, the five steps, the editor, the plots of events, triage."""
