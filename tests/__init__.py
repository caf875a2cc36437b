"""Tests of the whole project; a failed assertion of the harness shows its values as one of a test does."""

import pytest

pytest.register_assert_rewrite("tests.harness")
