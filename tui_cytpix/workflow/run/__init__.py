"""An open run and what every step needs: its samples and jobs, predictions, pictures, the user's files."""
