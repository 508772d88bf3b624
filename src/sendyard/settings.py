"""
Process configuration: the environment, or `sendyard.toml` in the data directory. Nothing else is read from there.

Provider accounts, routes, limits and keys are rows, edited through API and command line.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from sendyard.domain.errors import FieldError, Invalid

PREFIX = "SENDYARD_"
FILE_NAME = "sendyard.toml"
_TESTING = f"{PREFIX}TEST_"  # sizes of the project's own tests
_CALLERS_KEY = f"{PREFIX}KEY"  # where the pages of docs/ keep an API key for curl, in the same shell as the commands


def _default_data_dir() -> Path:
    return Path.home() / ".sendyard"


class Settings(BaseSettings):
    """
    Everything a process must know before it can read its database. Made by `load`; never changes.

    Each field is the variable `SENDYARD_<NAME>` or the key `<name>` of the file; the environment wins.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data_dir: Path = Field(
        default_factory=_default_data_dir, description="Where the database, the key ring and sendyard.toml are."
    )
    database_url: str = Field(
        default="",
        repr=False,  # may hold a password
        description="sqlite:///path or postgresql://user:password@host/name; SQLite in the data directory when empty.",
    )
    secret_keys: SecretStr = Field(
        default=SecretStr(""),
        description="The key ring that encrypts credentials: keys separated by commas, newest first. When empty, the "
        "file secret-keys in the data directory is used, and made if absent.",
    )
    public_url: str = Field(
        default="", description="The address under which providers reach this server, as https://messages.example.com."
    )
    media_url: str = Field(
        default="",
        description="Where files of messages are: s3://bucket/prefix?region=…&endpoint=https://…; the data directory "
        "when empty.",
    )
    media_key_id: str = Field(default="", description="The access key of that bucket; the machine's role when empty.")
    media_secret: SecretStr = Field(default=SecretStr(""), description="The secret that belongs to media_key_id.")
    private_link_domains: bool = Field(
        default=False, description="Whether hosts of short links may lead to private addresses, as inside a company."
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="The address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8025, description="The port to listen on; 0: any.")
    log_format: Literal["pretty", "json"] = Field(
        default="pretty", description="pretty for people, json for one document a line."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important messages that are written."
    )

    @field_validator("public_url")
    @classmethod
    def _public_url_is_absolute(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("expected an absolute http or https address such as https://messages.example.com")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _database_url_names_an_engine(cls, value: str) -> str:
        file = value.removeprefix("sqlite:///")
        if value and (file in {value, "", ":memory:"}) and not value.startswith("postgresql://"):
            raise ValueError("expected sqlite:///path/to/file or postgresql://user:password@host/name")
        return value

    @property
    def effective_database_url(self) -> str:
        """The database to open: the one named, else SQLite in the data directory."""
        return self.database_url or f"sqlite:///{self.data_dir / 'sendyard.db'}"

    @property
    def sqlite_file(self) -> Path | None:
        """The file of a SQLite database; None on PostgreSQL."""
        url = self.effective_database_url
        return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:") else None

    @property
    def key_ring_file(self) -> Path:
        """Where keys are kept when the environment gives none."""
        return self.data_dir / "secret-keys"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: what the command line says, the environment, the file of the data directory."""
        del dotenv_settings, file_secret_settings
        given: Any = init_settings()
        directory = given.get("data_dir") or os.environ.get(f"{PREFIX}DATA_DIR") or _default_data_dir()
        file = TomlConfigSettingsSource(settings_cls, toml_file=Path(directory) / FILE_NAME)
        return init_settings, env_settings, file


def load(given: Mapping[str, Any] | None = None) -> Settings:
    """
    Read the configuration; `given` (what the command line says) wins over environment and file.

    Raises:
        Invalid: a value is not usable; each error names its variable, what was expected and, unless it is secret, what
            was found.
    """
    _refuse_unknown_variables()
    try:
        return Settings(**{name: value for name, value in (given or {}).items() if value is not None})
    except ValidationError as error:
        faults = [_fault(fault) for fault in error.errors(include_url=False, include_context=False)]
        raise Invalid("bad_settings", " ".join(fault.detail for fault in faults), errors=faults) from None
    except ValueError as error:  # the file is not TOML
        detail = f"{FILE_NAME} in the data directory cannot be read: {error}."
        raise Invalid("bad_settings", detail, errors=[FieldError(FILE_NAME, "toml", detail)]) from None


def _refuse_unknown_variables() -> None:
    # A misspelt SENDYARD_DATABASE_URL would otherwise quietly begin a new, empty database.
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    ours = (name for name in os.environ if name.startswith(PREFIX) and not name.startswith(_TESTING))
    unknown = sorted(name for name in ours if name not in known and name != _CALLERS_KEY)
    if unknown:
        detail = f"There is no variable {', '.join(unknown)}; the variables are {', '.join(sorted(known))}."
        raise Invalid("bad_settings", detail, errors=[FieldError(name, "unknown", detail) for name in unknown])


def _fault(fault: Any) -> FieldError:
    name = str(fault["loc"][0]) if fault["loc"] else ""
    if name not in Settings.model_fields:
        known = ", ".join(Settings.model_fields)
        detail = f"{FILE_NAME} has {name!r}, which is no setting; the settings are {known}."
        return FieldError(name, fault["type"], detail)
    expected = fault["msg"].removeprefix("Value error, ")
    found = "" if name in {"secret_keys", "database_url", "media_secret"} else f", found {fault['input']!r}"
    return FieldError(PREFIX + name.upper(), fault["type"], f"{PREFIX}{name.upper()}: {expected}{found}.")
