"""Each row of the decision table, by the specification and by the boxes."""

import pytest

from gateway.consent import compile_grants, decide, permits
from tests.compliance.decision_table import Case, cases

TABLE = [case for case in cases() if case.study == case.placed_in]


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.id)
def test_the_boxes_answer_like_the_specification(case: Case) -> None:
    grants = [
        grant for subject in case.placement.subjects for grant in compile_grants(subject, case.consents, case.policy)
    ]
    decision = decide(case.consents, case.request, case.placement, case.policy)
    assert permits(grants, case.request, case.placement) == decision.permit


@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"{case.id} {case.name}")
def test_the_specification_answers_like_the_table(case: Case) -> None:
    permitted = decide(case.consents, case.request, case.placement, case.policy).permit
    assert permitted == case.permit
