"""The newest of several versions."""

import pytest

from gateway.core.versions import newest


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (["1.9", "1.10"], "1.10"),
        (["1.10", "1.9"], "1.10"),
        (["2.0.0", "2.0.0-ballot"], "2.0.0"),
        (["2.0.0-ballot", "2.0.0"], "2.0.0"),
        (["2018-08-12", "2019-01-01"], "2019-01-01"),
        (["4.0", "4.0.1"], "4.0.1"),
        ([None, "1"], "1"),
        (["1", None], "1"),
        ([7, "1"], "1"),
    ],
)
def test_the_newest_version_is_meant(versions: list[object], expected: str) -> None:
    found = newest([{"version": version} for version in versions])
    assert found is not None
    assert found["version"] == expected


def test_of_equals_the_last_counts() -> None:
    assert newest([{"a": 1}, {"a": 2}]) == {"a": 2}
    assert newest([]) is None
