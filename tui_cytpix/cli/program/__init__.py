"""The program itself: its help, completion in shells, a browser in place of a terminal, a bug report."""
