"""The key of a study: hashes and shifts are those of HMAC-SHA-256, and every process has the same key."""

import hmac
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Unavailable
from gateway.export.deidentify import StudyKey, keys, study_key

SECRETS = st.binary(min_size=1, max_size=130)


def made(key, purpose, text):
    return hmac.digest(key.secret, f"{key.study}\x1f{purpose}\x1f{text}".encode("utf-8", "surrogatepass"), "sha256")


@given(SECRETS, st.text(max_size=5), st.text(max_size=8), st.text())
def test_what_is_made_is_an_hmac_of_study_purpose_and_text(secret, study, purpose, text):
    key = StudyKey(study, secret)
    for _ in range(2):
        assert key.of(purpose, text) == made(key, purpose, text)
        assert key.hash(text) == made(key, "hash", text).hex()
    assert key.shift(text) == int.from_bytes(made(key, "shift", text), "big") % 101 - 50


def test_what_is_no_unicode_has_a_hash_of_its_own():
    key = StudyKey("\ud800", b"k")
    for text in ("\ud800", "\udfff", "é"):
        assert key.of(text, text) == made(key, text, text)


def test_secrets_of_a_block_and_longer_are_taken_as_rfc_2104_says():
    for size in (63, 64, 65, 200):
        key = StudyKey("s", bytes(range(256))[:size])
        assert key.of("hash", "a") == made(key, "hash", "a")


def test_dates_are_moved_by_fifty_days_at_most_and_by_all_of_them():
    key = StudyKey("s", b"k" * 32)
    assert {key.shift(f"p{number}") for number in range(5_000)} == set(range(-50, 51))


@pytest.mark.parametrize("remembered", [1, 2, 3])
def test_what_is_forgotten_is_made_again_alike(remembered, monkeypatch):
    monkeypatch.setattr(keys, "_REMEMBERED", remembered)
    key, fresh = StudyKey("s", b"k" * 32), StudyKey("s", b"k" * 32)
    texts = ["a", "b", "c", "a", "d", "b"]
    assert [(key.hash(one), key.shift(one)) for one in texts] == [
        (StudyKey("s", b"k" * 32).hash(one), StudyKey("s", b"k" * 32).shift(one)) for one in texts
    ]
    assert max(len(key._hashes), len(key._shifts)) <= remembered
    assert key == fresh


def test_a_key_does_not_tell_its_secret():
    key = StudyKey("s", b"the secret of this study")
    key.hash("Quimbleton")
    assert repr(key) == "StudyKey(study='s')"


def test_threads_that_come_first_together_make_one_key(tmp_path):
    for number in range(10):
        together, found = threading.Barrier(8), []

        def ask(number=number, together=together, found=found):
            together.wait()
            found.append(study_key(tmp_path, f"s{number}").secret)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len(set(found)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"deidentify-s{n}.key" for n in range(10))


def test_a_key_is_32_bytes_for_its_owner_alone(tmp_path):
    key = study_key(tmp_path / "not there" / "keys", "s")
    path = tmp_path / "not there" / "keys" / "deidentify-s.key"
    assert path.read_bytes() == key.secret
    assert (len(key.secret), path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (32, 0o600, 0o700)
    for mode in (0o640, 0o604):
        path.chmod(mode)
        with pytest.raises(Unavailable):
            study_key(path.parent, "s")
    path.chmod(0o600)
    for size in (31, 33, 0):
        path.write_bytes(os.urandom(size))
        with pytest.raises(Unavailable):
            study_key(path.parent, "s")
