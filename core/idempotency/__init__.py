"""Requests with an Idempotency-Key: a repetition gets the stored answer instead of a second effect
(docs/decisions/idempotency.md)."""
