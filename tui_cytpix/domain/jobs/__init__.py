"""What app and engine tell each other: what a job is to do, what it tells, what it is asked for."""
