"""What all screens share: header and footer, questions, notices, what to do next, long tasks."""
