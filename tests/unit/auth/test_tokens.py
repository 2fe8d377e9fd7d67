"""Keys, tokens and scopes as the gateway uses them."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.auth import Authenticator, Issuer, KeyFolder, Scope, scope_allows
from gateway.core.errors import BadRequest, FhirError, Unauthorized, Unavailable
from gateway.study import Client

URL = "https://gateway.test"
CLIENT = Client("app", "clinic", "ehr-app", "TREAT", ("system/Observation.rs", "system/Patient.r"))


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 6, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class World:
    """One issuer and its authenticator; clients can be taken away."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.keys = KeyFolder(folder / "keys")
        self.keys.ensure_key(self.clock())
        self.clients = {("s1", "app"): CLIENT, ("s2", "app"): CLIENT}
        self.issuer = Issuer(self.keys, URL, self.clock)
        self.authenticator = Authenticator(
            self.keys, URL, lambda study, client: self.clients.get((study, client)), self.clock
        )

    def refusal(self, token: str, study: str = "s1") -> str:
        with pytest.raises(Unauthorized) as refused:
            self.authenticator.authenticate(token, study)
        return refused.value.issues[0].rule


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_token_becomes_the_registered_client(world: World) -> None:
    token = world.issuer.issue(CLIENT, "s1", 300)
    for _ in range(2):
        principal = world.authenticator.authenticate(token, "s1")
        assert (principal.client, principal.study, principal.organisation) == ("app", "s1", "clinic")
        assert (principal.role, principal.purpose, principal.scopes) == ("ehr-app", "TREAT", CLIENT.scopes)
        assert len(principal.token) == 16
        assert principal.token not in token


def test_a_revoked_token_ends_in_every_spelling_of_it(world: World) -> None:
    token = world.issuer.issue(CLIENT, "s1", 300)
    twin = other_signature(token)
    revoked: set[str] = set()
    authenticator = Authenticator(
        world.keys,
        URL,
        lambda study, client: world.clients.get((study, client)),
        world.clock,
        is_revoked=lambda _, digest: digest in revoked,
    )
    kept = world.issuer.issue(CLIENT, "s1", 300)
    digests = {authenticator.authenticate(one, "s1").token for one in (token, twin)}
    authenticator.authenticate(kept, "s1")
    assert len(digests) == 1
    revoked |= digests
    authenticator.forget(*digests)
    for one in (token, twin):
        with pytest.raises(Unauthorized):
            authenticator.authenticate(one, "s1")
    assert authenticator.authenticate(kept, "s1").client == "app"


def other_signature(token: str) -> str:
    """The same token under the other signature that fits: of (r, s) in ECDSA, (r, n - s) does too."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    text, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    turned = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    return f"{text}.{base64.urlsafe_b64encode(turned).rstrip(b'=').decode()}"


def test_a_token_is_for_one_study(world: World) -> None:
    token = world.issuer.issue(CLIENT, "s1", 300)
    assert world.refusal(token, "s2") == "auth.token-invalid"
    world.authenticator.authenticate(token, "s1")
    assert world.refusal(token, "s2") == "auth.token-invalid"


def test_a_token_expires_also_when_it_is_remembered(world: World) -> None:
    token = world.issuer.issue(CLIENT, "s1", 30)
    world.authenticator.authenticate(token, "s1")
    world.clock.now += timedelta(seconds=30)
    assert world.refusal(token) == "auth.token-expired"


def test_a_client_that_is_taken_out_is_refused_at_once(world: World) -> None:
    token = world.issuer.issue(CLIENT, "s1", 300)
    world.authenticator.authenticate(token, "s1")
    del world.clients["s1", "app"]
    assert world.refusal(token) == "auth.client-unknown"


def test_a_scope_that_is_taken_from_the_client_is_taken_from_its_tokens(world: World) -> None:
    token = world.issuer.issue(CLIENT, "s1", 300)
    world.clients["s1", "app"] = replace(CLIENT, scopes=("system/Patient.r", "system/Device.cruds"))
    assert world.authenticator.authenticate(token, "s1").scopes == ("system/Patient.r",)


def test_a_key_that_is_taken_out_ends_its_tokens_within_a_minute(world: World) -> None:
    token = world.issuer.issue(CLIENT, "s1", 300)
    world.authenticator.authenticate(token, "s1")
    old = next(world.keys.path.glob("signing-*.json"))
    world.keys.create_key(world.clock.now + timedelta(seconds=1))
    world.clock.now += timedelta(seconds=61)
    world.authenticator.authenticate(token, "s1")
    old.unlink()
    world.clock.now += timedelta(seconds=61)
    assert world.refusal(token) == "auth.token-invalid"
    assert world.authenticator.authenticate(world.issuer.issue(CLIENT, "s1", 300), "s1").client == "app"


def test_text_that_is_no_token_is_refused(world: World) -> None:
    for token in ("", "x", "a.b.c", "\ud800", "x" * 10_000_000):
        assert world.refusal(token) == "auth.token-invalid"


def test_a_lifetime_is_bounded(world: World) -> None:
    for seconds in (0, -1, 86_401):
        with pytest.raises(FhirError, match=r"auth\.lifetime"):
            world.issuer.issue(CLIENT, "s1", seconds)


def test_keys_are_private_to_their_user(world: World) -> None:
    [key] = world.keys.path.glob("signing-*.json")
    assert key.stat().st_mode & 0o777 == 0o600
    assert world.keys.path.stat().st_mode & 0o777 == 0o700
    assert all("d" not in key for key in world.keys.public_keys())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(world: World, mode: int) -> None:
    [key] = world.keys.path.glob("signing-*.json")
    key.chmod(mode)
    with pytest.raises(Unavailable, match=r"auth\.keys-readable"):
        KeyFolder(world.keys.path).signing_key()


def test_a_folder_that_others_can_enter_is_refused(world: World) -> None:
    world.keys.path.chmod(0o755)
    with pytest.raises(Unavailable, match=r"auth\.keys-readable"):
        world.keys.signing_key()


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"kty": 1}'])
def test_a_damaged_key_stops_the_issuer(world: World, content: bytes) -> None:
    [key] = world.keys.path.glob("signing-*.json")
    key.write_bytes(content)
    with pytest.raises(Unavailable, match=r"auth\.keys-damaged"):
        KeyFolder(world.keys.path).signing_key()


def test_without_a_key_nothing_is_issued_or_accepted(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir(mode=0o700)
    for folder in (tmp_path / "missing", tmp_path / "empty"):
        with pytest.raises(Unavailable, match=r"auth\.keys-missing"):
            KeyFolder(folder).public_keys()


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("system/Observation.rs", "rs"),
        ("system/*.cruds", "cruds"),
        ("system/Patient.read", "rs"),
        ("system/*.write", "cud"),
        ("system/*.*", "cruds"),
        ("system/Consent.u", "u"),
    ],
)
def test_a_scope_permits_its_letters_only(text: str, letters: str) -> None:
    scope = Scope.parse(text)
    kind = "Observation" if scope.type == "*" else scope.type
    assert {letter for letter in "cruds" if scope.allows(kind, letter)} == set(letters)  # type: ignore[arg-type]
    assert scope.type == "*" or not scope.allows("Encounter", "r")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "system/Observation.",
        "system/Observation.sr",
        "system/Observation.rr",
        "system/observation.rs",
        "System/Observation.rs",
        "system/Observation.rs ",
        "system/Observation.rs\n",
        "system/Observation.Read",
        "system/Observation.rs?",
        "system/Observation.read?category=laboratory",
        "system/*.rs?category=laboratory",
        "system/Observation.rs?category=a b",
        'system/Observation.rs?category="a',
        "system/Observation.rs?category=\\",
        "users/Observation.rs",
        "launch/patient",
        "system/Obs*.rs",
        "openid",
    ],
)
def test_a_scope_that_is_not_understood_permits_nothing(text: str) -> None:
    with pytest.raises(BadRequest, match=r"auth\.scope-syntax"):
        Scope.parse(text)
    assert not scope_allows((text,), "Observation", "r")


def test_only_one_module_knows_the_token_library() -> None:
    root = Path(__file__).parents[3] / "gateway"
    users = [
        path.name
        for path in root.rglob("*.py")
        if "from jose" in path.read_text() or "import jose" in path.read_text()
    ]
    assert sorted(users) == ["app_launch.py", "assertions.py", "jose.py", "tokens.py"]
    assert not [name for name in users if name != "jose.py" and "from jose" in (root / "auth" / name).read_text()]
