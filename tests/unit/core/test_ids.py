"""Identity is a function of study, mapping, emit and key, and of nothing else."""

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ids import RandomIds, resource_id

parts = st.tuples(st.text("ab1:", max_size=4), st.text("ab1:", max_size=4), st.text("ab1:", max_size=4))
keys = st.lists(st.text("ab1:", max_size=4), max_size=3)


@given(parts, keys, parts, keys)
def test_different_inputs_have_different_ids(
    a: tuple[str, str, str], ka: list[str], b: tuple[str, str, str], kb: list[str]
) -> None:
    assert (resource_id(*a, ka) == resource_id(*b, kb)) == ((a, ka) == (b, kb))


def test_an_id_is_a_fhir_id_and_never_changes() -> None:
    assert resource_id("study", "mapping", "emit", ["key", 1]) == "d4ee2c2706cf58daf8450fee3714771b"


def test_random_ids_are_hex_of_their_length_and_never_the_same() -> None:
    ids = RandomIds(8)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _number: ids.take(), range(2_000)))
    assert len(set(found)) == len(found)
    assert {len(bytes.fromhex(one)) for one in found} == {8}
