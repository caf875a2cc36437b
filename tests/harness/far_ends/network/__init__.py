"""Network cameras for tests: real servers on loopback. Their pictures carry a number. They misbehave on demand."""
