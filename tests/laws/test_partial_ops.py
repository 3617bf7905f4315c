"""The laws of ops where only some policies have a form, and that the others refuse by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hwsim.errors import UnsupportedError
from hwsim.numerics import POLICIES, Numerics
from tests.cases import Case
from tests.laws import test_ops as laws
from tests.partial_cases import PARTIAL

OFFERED = [
    pytest.param(case, numerics, id=f"{name}-{numerics.name}")
    for name, (case, has_form) in PARTIAL.items()
    for numerics in POLICIES
    if has_form(numerics)
]
LACKING = [
    pytest.param(case, numerics, id=f"{name}-{numerics.name}")
    for name, (case, has_form) in PARTIAL.items()
    for numerics in POLICIES
    if not has_form(numerics)
]
LAWS: tuple[Callable[[Case, Numerics], None], ...] = (
    laws.test_kernel_makes_codes_of_the_output_type,
    laws.test_samples_do_not_see_each_other,
    laws.test_integers_stay_near_the_quantized_reference,
    laws.test_kernels_leave_their_operands_as_they_were,
)
REFERENCE_LAWS: tuple[Callable[[Case], None], ...] = (
    laws.test_reference_makes_the_shapes_that_infer_says,
    laws.test_reference_samples_do_not_see_each_other,
    laws.test_workload_counts,
    laws.test_another_number_of_operands_is_refused,
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("test_"))
@pytest.mark.parametrize(("case", "numerics"), OFFERED)
def test_a_form_keeps_the_law(
    case: Case, numerics: Numerics, law: Callable[[Case, Numerics], None]
) -> None:
    law(case, numerics)


@pytest.mark.parametrize("law", REFERENCE_LAWS, ids=lambda law: law.__name__.removeprefix("test_"))
@pytest.mark.parametrize("case", [case for case, _ in PARTIAL.values()], ids=list(PARTIAL))
def test_the_reference_keeps_the_law(case: Case, law: Callable[[Case], None]) -> None:
    law(case)


@pytest.mark.parametrize(("case", "numerics"), LACKING)
def test_what_a_policy_lacks_is_refused_by_name(case: Case, numerics: Numerics) -> None:
    message = rf"^net/op: [^\n]*policy '{numerics.name}'[^\n]*$"
    with pytest.raises(UnsupportedError, match=message):
        case.op.prepare(case.site(numerics))


def test_some_policies_have_a_form_and_some_have_none() -> None:
    assert OFFERED
    assert LACKING
    for name, (_, has_form) in PARTIAL.items():
        assert any(has_form(numerics) for numerics in POLICIES), name
