"""Settings: unknown names, development defaults and open database files stop the start."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.settings import DEV_SECRET, Settings, unknown_variables


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("GATEWAY_"):
            monkeypatch.delenv(name)


def test_the_defaults_are_for_development() -> None:
    settings = Settings()
    assert settings.environment == "dev"
    assert settings.database == "sqlite:///var/gateway.db"
    assert settings.keys == Path("var/keys")


def test_a_misspelt_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATABSE_URL", "sqlite:///secret-place.db")
    with pytest.raises(ValidationError, match="GATEWAY_DATABSE_URL") as caught:
        Settings()
    assert "secret-place" not in str(caught.value)


def test_an_unknown_keyword_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(colour="red")  # type: ignore[call-arg]


def test_variables_of_the_test_suite_are_no_settings() -> None:
    names = {"GATEWAY_TEST_POSTGRES_URL": "", "GATEWAY_CONFORMANCE_DIR": "", "PATH": "", "gateway_colour": ""}
    assert unknown_variables(names) == ("gateway_colour",)


def test_outside_dev_each_unsafe_default_is_named(tmp_path: Path) -> None:
    database = tmp_path / "gateway.db"
    database.touch(mode=0o644)
    database.chmod(0o644)
    with pytest.raises(ValidationError) as caught:
        Settings(environment="production", data_dir=tmp_path)
    text = str(caught.value)
    assert "GATEWAY_SECRET" in text
    assert "GATEWAY_BASE_URL" in text
    assert "chmod 600" in text
    assert DEV_SECRET not in text


def test_outside_dev_safe_settings_start(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").touch(mode=0o600)
    (tmp_path / "gateway.db").chmod(0o600)
    settings = Settings(
        environment="production",
        data_dir=tmp_path,
        base_url="https://gateway.example/",
        secret="a-long-enough-secret-of-this-place",  # type: ignore[arg-type]
    )
    assert settings.base_url == "https://gateway.example"


def test_secrets_are_not_in_the_representation() -> None:
    settings = Settings(
        database_url="postgresql://gateway:hidden-password@db/trial",  # type: ignore[arg-type]
        secret="another-hidden-password",  # type: ignore[arg-type]
    )
    assert "hidden-password" not in repr(settings)
    assert settings.database.endswith("@db/trial")
    assert settings.database_file is None


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:hidden@host/db",
        "hidden",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql:/x",
        "postgresql://h:x/d",
    ],
)
def test_another_database_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", url)
    with pytest.raises(ValueError, match="sqlite:///FILE or postgresql://") as refused:
        Settings()
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["sqlite:///var/a.db", "sqlite:////data/a.db", "postgres://host/db", "postgresql+psycopg://u:p@h:5432/d",
     "postgresql:///trial?host=/var/run/postgresql", "postgresql://one,two/trial", "postgresql://[::1]:5433/trial"],
)  # fmt: skip
def test_both_databases_are_named_by_their_urls(url: str) -> None:
    assert Settings(database_url=url).database == url  # type: ignore[arg-type]


def test_in_dev_links_follow_the_port_and_tokens_do_not() -> None:
    one, other = Settings(port=9000, host="0.0.0.0"), Settings(port=9001)
    assert one.public_url == "http://127.0.0.1:9000"
    assert one.issuer == other.issuer
    named = Settings(base_url="https://gateway.example")
    assert (named.public_url, named.issuer) == ("https://gateway.example", "https://gateway.example")


def test_asset_folders_are_separated_like_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_ASSET_DIRS", "one:two/three")
    assert Settings().asset_dirs == (Path("one"), Path("two/three"))


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
