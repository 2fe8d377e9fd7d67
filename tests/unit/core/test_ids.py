"""Identity is a function of study, mapping, emit and key, and of nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ids import resource_id

parts = st.tuples(st.text("ab1:", max_size=4), st.text("ab1:", max_size=4), st.text("ab1:", max_size=4))
keys = st.lists(st.text("ab1:", max_size=4), max_size=3)


@given(parts, keys, parts, keys)
def test_different_inputs_have_different_ids(
    a: tuple[str, str, str], ka: list[str], b: tuple[str, str, str], kb: list[str]
) -> None:
    assert (resource_id(*a, ka) == resource_id(*b, kb)) == ((a, ka) == (b, kb))


def test_an_id_is_a_fhir_id_and_never_changes() -> None:
    assert resource_id("study", "mapping", "emit", ["key", 1]) == "d4ee2c2706cf58daf8450fee3714771b"
