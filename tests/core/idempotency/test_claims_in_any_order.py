"""Whatever happens to the attempts of a request, in whichever order: it has one effect, and its first answer stays."""

from __future__ import annotations

import itertools
from datetime import timedelta
from uuid import UUID

from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from core.idempotency.claims import Answer, AnsweredAlready, Claim, KeyedRequest, RequestRunning, claim_request
from core.idempotency.models import IdempotentRequest
from skycam_project.access.models import User
from tests.harness.runs.examples import examples

CREATED = Answer(201, "{}")
DATABASE_DOWN = Answer(503, '{"type": "/problems/database-down"}')
INVALID = Answer(400, '{"type": "/problems/invalid"}')
ENDS: dict[str, tuple[bool, Answer | None]] = {
    "created": (True, CREATED),
    "refused": (False, INVALID),
    "database gone after the effect": (True, DATABASE_DOWN),
    "database gone before": (False, DATABASE_DOWN),
    "killed after the effect": (True, None),
    "killed before": (False, None),
    "slow": (True, None),
}
"""How an attempt ends -> whether it has an effect, and its answer; None without one."""
STEPS = st.lists(st.sampled_from([*ENDS, "lease ends", "slow one answers"]), max_size=12)
numbers = itertools.count()


class Program:
    """Repeats one request, and notes the ids of what its attempts created."""

    def __init__(self, user: User, *, beside_running: bool) -> None:
        self.request = KeyedRequest(user.pk, f"k-{next(numbers)}", "POST", "api/v1/cameras/", "f" * 64)
        self.beside_running = beside_running
        self.created: set[UUID] = set()
        self.answers: list[str] = []
        self.slow: list[Claim] = []

    def do(self, step: str) -> None:
        if step == "lease ends":
            rows = IdempotentRequest.objects.filter(key=self.request.key, state="running")
            rows.update(lease_until=timezone.now() - timedelta(seconds=1))
        elif step == "slow one answers":
            [claim.settle(CREATED) for claim in self.slow]
        else:
            self.attempt(step)

    def attempt(self, end: str) -> None:
        try:
            claim = claim_request(self.request, beside_running=self.beside_running)
        except AnsweredAlready as found:
            self.answers.append(found.answer.body)
        except RequestRunning:
            assert not self.beside_running
        else:
            self.run(claim, *ENDS[end], slow=end == "slow")

    def run(self, claim: Claim, effect: bool, answer: Answer | None, *, slow: bool) -> None:
        assert not self.answers, "the view runs after the request was answered"
        self.created |= {claim.resource_id} if effect else set()
        self.slow += [claim] if slow else []
        if answer:
            claim.settle(answer)


def test_a_request_has_one_effect(db: None) -> None:
    ada = User.objects.create_user("ada", role="operator")

    @examples(200)
    @given(steps=STEPS, beside_running=st.booleans())
    def repeat(steps: list[str], beside_running: bool) -> None:
        program = Program(ada, beside_running=beside_running)
        [program.do(step) for step in steps]
        assert len(program.created) <= 1

    repeat()
