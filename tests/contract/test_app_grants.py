"""What an app launch gives out is good once; a second use ends its family, and no other."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from gateway.store.sql import SqlStore

LATER: Final = 4_000_000_000
NOW: Final = 2_000_000_000


def test_a_secret_is_good_once_in_its_study(store: SqlStore, study: str) -> None:
    grants = store.app_grants
    grants.keep(study, "a", "f", LATER, b"body")
    grants.keep(study, "other", "g", LATER, b"other body")
    assert grants.take(f"{study}-2", "a", NOW) is None
    assert grants.take(study, "unknown", NOW) is None
    assert grants.take(study, "a", NOW) == ("f", b"body")
    assert grants.take(study, "other", NOW) == ("g", b"other body")


def test_a_second_use_ends_the_family(store: SqlStore, study: str) -> None:
    grants = store.app_grants
    for digest, family in (("a", "f"), ("b", "f"), ("c", "g")):
        grants.keep(study, digest, family, LATER, digest.encode())
    assert grants.take(study, "a", NOW)
    assert grants.take(study, "a", NOW) == ("f", None)
    assert grants.take(study, "b", NOW) is None
    assert grants.take(study, "c", NOW) == ("g", b"c")


def test_what_has_expired_is_good_for_nothing(store: SqlStore, study: str) -> None:
    store.app_grants.keep(study, "a", "f", NOW, b"")
    assert store.app_grants.take(study, "a", NOW) == ("f", None)
    store.app_grants.keep(study, "b", "f", NOW + 1, b"")
    assert store.app_grants.take(study, "b", NOW)


def test_a_family_can_be_looked_up_and_ended(store: SqlStore, study: str) -> None:
    grants = store.app_grants
    for digest, family in (("a", "f"), ("b", "f"), ("c", "g")):
        grants.keep(study, digest, family, LATER, digest.encode())
    assert grants.look(study, "unknown") is None
    assert grants.look(f"{study}-2", "a") is None
    assert [grants.look(study, "a") for _ in range(2)] == [("f", b"a")] * 2
    grants.end(study, "unknown")
    grants.end(study, "f")
    assert [grants.take(study, digest, NOW) for digest in "abc"] == [None, None, ("g", b"c")]


def test_of_many_users_at_once_one_is_the_first(store: SqlStore, study: str) -> None:
    store.app_grants.keep(study, "a", "f", LATER, b"body")
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: store.app_grants.take(study, "a", NOW), range(8)))
    assert [one for one in taken if one and one[1] is not None] == [("f", b"body")]
