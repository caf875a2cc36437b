"""The failpoints of a request with an Idempotency-Key, in their order."""

from __future__ import annotations

from core.failpoints import Failpoints

FAILPOINTS = Failpoints(("after_claim", "after_view", "after_answer"))
"""The key is claimed and the view has not run; the view has run and its answer is not stored; the answer is stored and
not sent."""
