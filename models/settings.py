"""Settings, read from the environment with the prefix `CASELEDGER_`."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import SettingsError

# A password may contain any character, even unescaped by mistake, so it extends to the last `@`.
_PASSWORD = re.compile(r"\A(?P<user>[^:@/?]*):.*@", re.DOTALL)
_ORIGIN = re.compile(r"https?://[^\s/?#@,]+")
_FORBIDDEN_IN_DATABASE_NAME = set('/\\. "$*<>:|?\0')


def _database_name(name: str) -> str:
    if not name or len(name.encode()) > 63 or _FORBIDDEN_IN_DATABASE_NAME & set(name):
        raise ValueError("not a valid name of a MongoDB database")
    return name


def _origins(text: str) -> str:
    """Return the text if it lists web origins: scheme, host and port, without a path.

    Raise ValueError otherwise.
    """
    for origin in split_list(text):
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ValueError("not a list of origins such as https://example.org")
    return text


def _addresses(text: str) -> str:
    """Return the text if it lists IP addresses or networks; raise ValueError otherwise."""
    try:
        for address in split_list(text):
            if address != "*":
                ipaddress.ip_network(address, strict=False)
    except ValueError:
        raise ValueError("not a list of addresses or networks") from None
    return text


def split_list(text: str) -> list[str]:
    """Return the items of a comma-separated list, without empty ones."""
    return [item.strip() for item in text.split(",") if item.strip()]


def _default_home() -> Path:
    return Path(platformdirs.user_data_dir("caseledger", appauthor=False))


class Settings(BaseSettings):
    """All settings: the field `mongodb_url` is the variable `CASELEDGER_MONGODB_URL`, and so on.

    The connection string can also be read from a file, which `CASELEDGER_MONGODB_URL_FILE` names.
    """

    model_config = SettingsConfigDict(
        env_prefix="CASELEDGER_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    mongodb_url: Annotated[
        SecretStr | None,
        Field(description="MongoDB connection string; without one, an embedded server is used"),
    ] = None
    mongodb_url_file: Annotated[
        Path | None, Field(description="file that contains the connection string")
    ] = None
    database: Annotated[
        str, AfterValidator(_database_name), Field(description="name of the database")
    ] = "caseledger"
    home: Annotated[Path, Field(description="data directory of the embedded server")] = Field(
        default_factory=_default_home
    )
    mongod: Annotated[
        Path | None, Field(description="the mongod program that the embedded server runs")
    ] = None
    mongod_cache_gb: Annotated[
        float, Field(ge=0.25, le=1024, description="cache of the embedded server, GiB")
    ] = 0.5
    linger_seconds: Annotated[
        int,
        Field(ge=0, le=86_400, description="seconds that `db uri` keeps an unused embedded server"),
    ] = 60
    database_timeout_seconds: Annotated[
        float, Field(gt=0, le=3600, description="time limit of one database operation, seconds")
    ] = 30.0
    aggregate_seconds: Annotated[
        float, Field(gt=0, le=3600, description="time limit of a client's pipeline, seconds")
    ] = 10.0
    aggregate_limit: Annotated[
        int, Field(ge=1, le=10**7, description="most documents that a client's pipeline returns")
    ] = 10_000
    aggregate_jobs: Annotated[
        int, Field(ge=1, le=1000, description="clients' pipelines that run at the same time")
    ] = 2
    host: Annotated[str, Field(description="address that the API listens on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="port that the API listens on")] = 8000
    anonymous_read: Annotated[
        bool, Field(description="whether anyone may read, without a token")
    ] = True
    anonymous_metrics: Annotated[
        bool, Field(description="whether anyone may read /metrics, without a token")
    ] = False
    log_format: Annotated[
        Literal["text", "json"], Field(description="format of the API's log lines")
    ] = "text"
    cors_origins: Annotated[
        str,
        AfterValidator(_origins),
        Field(description="origins whose pages may use the API, separated by commas, or *"),
    ] = ""
    max_concurrent_requests: Annotated[
        int, Field(ge=1, le=100_000, description="requests that the API handles at the same time")
    ] = 100
    header_seconds: Annotated[
        float, Field(gt=0, le=3600, description="seconds for the headers of a request to arrive")
    ] = 10.0
    body_seconds: Annotated[
        float,
        Field(gt=0, le=3600, description="seconds to wait for a body, besides those for its size"),
    ] = 10.0
    body_bytes_per_second: Annotated[
        int, Field(ge=1, le=2**40, description="slowest rate of a body that is waited for")
    ] = 1024
    trusted_proxies: Annotated[
        str,
        AfterValidator(_addresses),
        Field(description="addresses of proxies whose X-Forwarded-For is trusted, comma-separated"),
    ] = "127.0.0.1"
    drain_seconds: Annotated[
        float,
        Field(ge=0, le=300, description="seconds from SIGTERM, when /readyz fails, to the end"),
    ] = 1.0
    jobs: Annotated[
        int | None, Field(ge=1, le=1024, description="parser processes of an import")
    ] = None
    token: Annotated[
        SecretStr | None, Field(description="bearer token for `caseledger import --to`")
    ] = None
    import_roots: Annotated[
        str, Field(description="directories that the API may import from, separated by colons")
    ] = ""
    max_upload_mib: Annotated[
        int, Field(ge=1, le=2**20, description="largest archive that can be uploaded, MiB")
    ] = 256
    max_spec_mib: Annotated[
        int, Field(ge=1, le=512, description="largest body of `POST /specs`, MiB")
    ] = 64
    max_log_mib: Annotated[
        int, Field(ge=1, le=2048, description="largest build log that can be sent, MiB as sent")
    ] = 1024
    variation_file: Annotated[
        Path | None,
        Field(description="TOML like the built-in variation.toml, whose lists take precedence"),
    ] = None
    derivation_file: Annotated[
        Path | None,
        Field(description="TOML like the built-in derivation.toml, whose rules take precedence"),
    ] = None
    worker_seconds: Annotated[
        float, Field(gt=0, le=86400, description="time limit of one execution directory, seconds")
    ] = 60.0
    worker_memory_mib: Annotated[
        int, Field(ge=512, le=2**20, description="memory of one parser process, MiB")
    ] = 4096
    max_file_mib: Annotated[
        int, Field(ge=1, le=2048, description="largest file that an import reads, expanded, MiB")
    ] = 64
    max_archive_mib: Annotated[
        int, Field(ge=1, le=2**30, description="largest archive file that is imported, MiB")
    ] = 2048
    max_expanded_mib: Annotated[
        int, Field(ge=1, le=2**30, description="most that an archive may expand to, MiB")
    ] = 8192
    max_expansion_ratio: Annotated[
        int,
        Field(ge=2, le=10**6, description="most that an archive may expand to, times its size"),
    ] = 200
    max_members: Annotated[
        int, Field(ge=1, le=10**9, description="most members of an archive, directories included")
    ] = 2_000_000
    max_useless_members: Annotated[
        int,
        Field(
            ge=1,
            le=10**9,
            description="most empty or unwanted members of an archive of little else",
        ),
    ] = 100_000
    max_header_kib: Annotated[
        int, Field(ge=16, le=2**16, description="longest header before a member of a tar, KiB")
    ] = 1024
    max_depth: Annotated[
        int, Field(ge=1, le=64, description="most directories above a file, in a source")
    ] = 16
    max_execution_files: Annotated[
        int, Field(ge=1, le=10**6, description="most files of an execution")
    ] = 10_000
    max_execution_mib: Annotated[
        int,
        Field(ge=1, le=2**16, description="most that is read of an execution in an archive, MiB"),
    ] = 128

    def model_post_init(self, _context: object, /) -> None:
        """Read the connection string from its file when only the file is set."""
        if self.mongodb_url_file is not None and self.mongodb_url is None:
            try:
                url = self.mongodb_url_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(f"CASELEDGER_MONGODB_URL_FILE: {error}") from error
            object.__setattr__(self, "mongodb_url", SecretStr(url))

    @property
    def is_embedded(self) -> bool:
        """Whether the embedded server is used."""
        return self.mongodb_url is None


def load_settings() -> Settings:
    """Return the settings of the environment; SettingsError names the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"CASELEDGER_{name}: {first['msg']}") from None


def shown_settings(settings: Settings) -> dict[str, str | int | float | None]:
    """Return the effective settings by variable name, with secrets masked, for people to read."""
    shown: dict[str, str | int | float | None] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = mask_password(value.get_secret_value())
        elif isinstance(value, Path):
            value = str(value)
        shown[f"CASELEDGER_{name.upper()}"] = value
    return shown


def mask_password(url: str) -> str:
    """Return a connection string with its password, and any secret option, replaced by stars."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "***"
    rest = _PASSWORD.sub(r"\g<user>:***@", rest)
    address, question, query = rest.partition("?")
    options = "&".join(_mask_option(option) for option in query.split("&"))
    return f"{scheme}://{address}{question}{options}"


def _mask_option(option: str) -> str:
    name, equals, _ = option.partition("=")
    is_secret = any(word in name.lower() for word in ("password", "token", "properties", "secret"))
    return f"{name}{equals}***" if is_secret else option
