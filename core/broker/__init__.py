"""The station's Redis: its connection with a circuit breaker, notices, and the names of Celery's queues."""
