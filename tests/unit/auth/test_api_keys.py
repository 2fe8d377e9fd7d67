"""Keys of vendors: bound to client, study, network, types and time; two at once while they rotate."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.auth import ApiKeys
from gateway.core.errors import Conflict, FhirError, Forbidden, NotFound, Unauthorized, Unprocessable
from tests.unit.auth.conftest import Moving

STUDY = "hf-dct-01"
HERE = "192.0.2.7"


@pytest.fixture(autouse=True)
def afresh(gateway: Gateway) -> None:
    for key, _ in gateway.api_keys.all(STUDY):
        gateway.api_keys.revoke(STUDY, key.id)


def refused(gateway: Gateway, text: str, address: str = HERE, study: str = STUDY) -> str:
    with pytest.raises(FhirError) as caught:
        gateway.api_keys.authenticate(text, study, address)
    assert isinstance(caught.value, Unauthorized | Forbidden)
    return caught.value.issues[0].rule


def test_a_key_is_its_client_and_nothing_of_it_is_kept(gateway: Gateway) -> None:
    text, key = gateway.api_keys.issue(STUDY, "withings")
    principal = gateway.api_keys.authenticate(text, STUDY, HERE)
    assert (principal.client, principal.source, principal.study) == ("withings", "withings", STUDY)
    secret = text.removeprefix(f"gwk_{key.id}_")
    for file in gateway.settings.data_dir.glob("gateway.db*"):
        assert secret.encode() not in Path(file).read_bytes()
    assert [used > 0 for one, used in gateway.api_keys.all(STUDY) if one.id == key.id] == [True]


def test_what_is_not_the_key_is_refused_alike(gateway: Gateway) -> None:
    text, key = gateway.api_keys.issue(STUDY, "withings")
    other, _ = gateway.api_keys.issue(STUDY, "withings")
    wrong = (
        "", "gwk_", text[:-1], text + "A", text.upper(), text.replace(key.id, "0" * 12), "x" * 9000, text + "\n",
        text[: len("gwk_") + 13] + other[len("gwk_") + 13 :], "gwk_\u0660",
    )  # fmt: skip
    for attempt in wrong:
        assert refused(gateway, attempt) == "auth.key-invalid", attempt
    assert refused(gateway, text, study="other") == "auth.key-invalid"


def test_a_key_lives_in_its_time(gateway: Gateway, clock: Moving) -> None:
    start = clock.now + timedelta(days=1)
    text, _ = gateway.api_keys.issue(STUDY, "withings", days=2, start=start)
    assert refused(gateway, text) == "auth.key-invalid"
    clock.now = start
    assert gateway.api_keys.authenticate(text, STUDY, HERE)
    clock.now = start + timedelta(days=2) - timedelta(seconds=1)
    assert gateway.api_keys.authenticate(text, STUDY, HERE)
    clock.now = start + timedelta(days=2)
    assert refused(gateway, text) == "auth.key-invalid"


@pytest.mark.parametrize(
    ("networks", "address", "is_within"),
    [
        (("192.0.2.0/24",), "192.0.2.255", True),
        (("192.0.2.0/24",), "192.0.3.0", False),
        (("192.0.2.7",), "192.0.2.7", True),
        (("192.0.2.0/24",), "::ffff:192.0.2.9", True),
        (("2001:db8::/32", "10.0.0.0/8"), "2001:db8:1::1", True),
        (("2001:db8::/32",), "192.0.2.7", False),
        (("192.0.2.0/24",), "", False),
        (("192.0.2.0/24",), "192.0.2.7, 10.0.0.1", False),
        ((), "anything", True),
    ],
)
def test_a_key_comes_from_its_networks(
    gateway: Gateway, networks: tuple[str, ...], address: str, is_within: bool
) -> None:
    text, _ = gateway.api_keys.issue(STUDY, "withings", networks=networks)
    if is_within:
        assert gateway.api_keys.authenticate(text, STUDY, address)
    else:
        assert refused(gateway, text, address) == "auth.key-invalid"


def test_a_key_for_types_is_good_while_the_source_makes_no_others(gateway: Gateway) -> None:
    good, _ = gateway.api_keys.issue(STUDY, "withings", types=("Observation", "Device"))
    assert gateway.api_keys.authenticate(good, STUDY, HERE)
    made = frozenset({"Observation", "Device", "Patient"})
    grown = ApiKeys(gateway.store.api_keys, gateway.studies, lambda _study, _source: made, gateway.clock)
    with pytest.raises(Forbidden, match=r"auth\.key-types"):
        grown.authenticate(good, STUDY, HERE)


@pytest.mark.parametrize("types", [("Patient",), ("Observation",), ("Observation", "Devices")], ids=str)
def test_a_key_that_could_never_deliver_is_not_made(gateway: Gateway, types: tuple[str, ...]) -> None:
    with pytest.raises(Unprocessable, match=r"auth\.key-types"):
        gateway.api_keys.issue(STUDY, "withings", types=types)


def test_keys_rotate_without_a_gap(gateway: Gateway, clock: Moving) -> None:
    old_text, old = gateway.api_keys.issue(STUDY, "withings", networks=("192.0.2.0/24",))
    new_text, new = gateway.api_keys.rotate(STUDY, old.id, timedelta(hours=24))
    assert (new.client, new.networks) == (old.client, old.networks)
    for text in (old_text, new_text):
        assert gateway.api_keys.authenticate(text, STUDY, HERE)
    with pytest.raises(Conflict, match="key-two"):
        gateway.api_keys.issue(STUDY, "withings")
    gateway.api_keys.issue(STUDY, "google-health")
    clock.now += timedelta(hours=24)
    assert refused(gateway, old_text) == "auth.key-invalid"
    assert gateway.api_keys.authenticate(new_text, STUDY, HERE)
    gateway.api_keys.issue(STUDY, "withings")


def test_a_key_that_is_over_brings_no_other(gateway: Gateway, clock: Moving) -> None:
    _, revoked = gateway.api_keys.issue(STUDY, "withings")
    gateway.api_keys.revoke(STUDY, revoked.id)
    _, expired = gateway.api_keys.issue(STUDY, "withings", days=1)
    clock.now += timedelta(days=1)
    count = len(gateway.api_keys.all(STUDY))
    for key in (revoked, expired):
        with pytest.raises(Conflict, match="key-over"):
            gateway.api_keys.rotate(STUDY, key.id, timedelta(hours=24))
    assert len(gateway.api_keys.all(STUDY)) == count


def test_a_revoked_key_is_refused_at_once(gateway: Gateway) -> None:
    text, key = gateway.api_keys.issue(STUDY, "withings")
    assert gateway.api_keys.authenticate(text, STUDY, HERE)
    gateway.api_keys.revoke(STUDY, key.id)
    assert refused(gateway, text) == "auth.key-invalid"


def test_what_no_key_can_be_is_refused(gateway: Gateway) -> None:
    keys = gateway.api_keys
    with pytest.raises(Unprocessable, match="key-client"):
        keys.issue(STUDY, "ehr-app")
    with pytest.raises(Unprocessable, match="key-client"):
        keys.issue(STUDY, "nobody")
    for days in (0, -1, 91):
        with pytest.raises(Unprocessable, match="key-days"):
            keys.issue(STUDY, "withings", days=days)
    with pytest.raises(Unprocessable, match="key-network"):
        keys.issue(STUDY, "withings", networks=("192.0.2.7/24",))
    with pytest.raises(NotFound, match="key-unknown"):
        keys.revoke(STUDY, "0" * 12)
