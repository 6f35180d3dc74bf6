"""The environment of a build: its host, its arguments, and those variables that may be stored.

Source of the formats: Spack's `install_environment.json`, and its dumps of variables in shell
syntax: `export NAME=value;` and `unset NAME;`, before 0.17 `NAME=value; export NAME`. The file
spack-build-env.txt of a stage holds the whole environment of the user, credentials included.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from ingest.archives.json_file import parse_object, text_of
from models.builds.build import BuildHost
from models.errors import ParseError
from models.redaction.logs import DEFAULT_REDACTOR, Redactor, is_secret_name
from models.redaction.names import is_credential_name
from models.redaction.text import MASK

MAX_ENVIRONMENT_BYTES = 2**24
MAX_VALUE_LENGTH = 2**17
ALLOWED_PREFIXES = (
    "SPACK_", "CMAKE_", "CRAY_", "CRAYPE_", "OMP_", "MPICH_", "OMPI_", "I_MPI_", "HDF5_", "NETCDF_",
)  # fmt: skip
ALLOWED_NAMES = frozenset({
    "CC", "CXX", "CPP", "CXXCPP", "F77", "FC", "F90", "MPICC", "MPICXX", "MPIF77", "MPIF90",
    "MPIFC", "CUDACXX", "CUDAHOSTCXX", "HIPCXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "FFLAGS",
    "FCFLAGS", "F77FLAGS", "LDFLAGS", "LIBS", "LDLIBS", "FLIBS", "FCLIBS", "ARFLAGS", "AR", "AS",
    "LD", "NM", "RANLIB", "STRIP", "MAKEFLAGS", "SOURCE_DATE_EPOCH", "LC_ALL", "LANG",
    "CONFIG_SITE", "CCACHE_DISABLE", "PATH", "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH",
    "OBJC_INCLUDE_PATH", "LIBRARY_PATH", "LD_LIBRARY_PATH", "LD_RUN_PATH", "LD_PRELOAD",
    "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "PKG_CONFIG_PATH", "ACLOCAL_PATH",
    "PYTHONPATH", "PERL5LIB", "R_LIBS", "LUA_PATH", "LUA_CPATH", "GOPATH", "JAVA_HOME",
    "CUDA_HOME", "CUDA_PATH", "ROCM_PATH", "MODULEPATH", "LOADEDMODULES", "PE_ENV", "MKLROOT",
    "MACOSX_DEPLOYMENT_TARGET",
})  # fmt: skip

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}")
_SETTING = re.compile(rf"\s{{0,80}}(?:export )?(?P<name>{_NAME.pattern})=(?P<value>[^;]*)")
_TOKEN = re.compile(
    r"""(?P<quoted>'[^']*')|"(?P<double>[^"\\]*(?:\\.[^"\\]*)*)"|\\(?P<escaped>.)"""
    r"""|(?P<bare>[^\s;'"\\]+)|(?P<end>[;\n])|(?P<blank>[^\S\n]+)|(?P<stray>.)""",
    re.DOTALL,
)
_DOUBLE_ESCAPE = re.compile(r'\\(?:([$`"\\])|\n)')
_SPACK_VERSION = re.compile(
    r"(?P<version>[0-9][\w.+]{0,60}?)"
    r"(?: \((?P<commit>[0-9a-f]{7,64})\)|-[0-9]{1,9}-g?(?P<described>[0-9a-f]{7,64}))?"
)
_OPTION = re.compile(
    r"(?P<name>-{0,2}[A-Za-z_][\w-]{0,200})(?P<type>:[A-Z]{1,20})?=(?P<value>.+)", re.S
)


def parse_host_environment(content: bytes, redactor: Redactor = DEFAULT_REDACTOR) -> BuildHost:
    """Return the fields of install_environment.json; ParseError as of `parse_object`."""
    return host_of(parse_object(content), redactor)


def host_of(fields: Mapping[str, object], redactor: Redactor = DEFAULT_REDACTOR) -> BuildHost:
    """Return the host that a document describes; fields of a wrong type are None."""

    def text(name: str) -> str | None:
        value = text_of(fields.get(name))
        return None if value is None else redactor.text(value)

    version = text("spack_version")
    return BuildHost(
        host_os=text("host_os"),
        platform=text("platform"),
        host_target=text("host_target"),
        hostname=text("hostname"),
        kernel_version=text("kernel_version"),
        spack_version=version,
        spack_commit=spack_commit(version),
    )


def spack_commit(version: str | None) -> str | None:
    """Return the commit in a version such as `1.3.0.dev0 (5817…)` or `0.16.1-1455-52d5b55b65`."""
    match = _SPACK_VERSION.fullmatch(version or "")
    return None if match is None else match["commit"] or match["described"]


def parse_variables(content: bytes) -> dict[str, str]:
    """Return all variables of a dump, credentials included: they must not be stored.

    Quotes of the shell are removed from the values. ParseError `too_large` or `unclosed_quote`.
    """
    if len(content) > MAX_ENVIRONMENT_BYTES:
        raise ParseError("too_large", f"the file has more than {MAX_ENVIRONMENT_BYTES} bytes")
    values: dict[str, str] = {}
    for words in _commands(content.decode("utf-8", errors="replace")):
        command, *operands = words
        for word in operands if command == "export" else words[:1]:
            name, sign, value = word.partition("=")
            if sign and _NAME.fullmatch(name):
                values[name] = value
    return values


def loose_variables(content: bytes) -> dict[str, str]:
    """Return the variables that the lines of a dump seem to set, when it cannot be parsed.

    They are good enough only to mask their values.
    """
    lines = content[:MAX_ENVIRONMENT_BYTES].decode("utf-8", errors="replace").splitlines()
    matches = (_SETTING.match(line) for line in lines)
    return {match["name"]: match["value"].strip("'\"; ") for match in matches if match}


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command, with their quotes removed."""
    words: list[str] = []
    parts: list[str] = []
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind in {"end", "blank"}:
            if parts:
                words.append("".join(parts))
                parts = []
            if kind == "end" and words:
                yield words
                words = []
        elif kind == "stray":
            raise ParseError(
                "unclosed_quote", f"the quote at character {token.start()} is not closed"
            )
        else:
            parts.append(_unquoted(token))
    if parts:
        words.append("".join(parts))
    if words:
        yield words


def _unquoted(token: "re.Match[str]") -> str:
    match token.lastgroup:
        case "quoted":
            return token["quoted"][1:-1]
        case "double":
            return _DOUBLE_ESCAPE.sub(r"\1", token["double"])
        case "escaped":
            return "" if token["escaped"] == "\n" else token["escaped"]
    return token["bare"]


def allowed_variables(values: Mapping[str, str], redactor: Redactor) -> dict[str, str]:
    """Return the variables that may be stored, sorted by name, with credentials masked.

    These are the variables on the list, except those whose name suggests a credential. A value of
    more than `MAX_VALUE_LENGTH` characters is cut, and a note says how many are missing.
    """
    return {
        name: _shortened(redactor.text(value))
        for name, value in sorted(values.items())
        if (name in ALLOWED_NAMES or name.startswith(ALLOWED_PREFIXES)) and not is_secret_name(name)
    }


def _shortened(value: str) -> str:
    missing = len(value) - MAX_VALUE_LENGTH
    if missing <= 0:
        return value
    return f"{value[:MAX_VALUE_LENGTH]}\u2026 ({missing} characters more)"


def parse_configure_args(content: bytes, redactor: Redactor) -> tuple[str, ...]:
    """Return the arguments in their order, with credentials masked.

    Spack writes them as one line, before 0.20 without quotes: when the quotes do not match, the
    line is split at white space. ParseError `too_large`.
    """
    if len(content) > MAX_ENVIRONMENT_BYTES:
        raise ParseError("too_large", f"the file has more than {MAX_ENVIRONMENT_BYTES} bytes")
    text = content.decode("utf-8", errors="replace")
    try:
        words = [word for command in _commands(text.replace(";", "\\;")) for word in command]
    except ParseError:
        words = text.split()
    return masked_arguments(words, redactor)


def masked_arguments(words: Iterable[str], redactor: Redactor) -> tuple[str, ...]:
    """Return arguments with credentials masked, even in a word of their own: `--token x`."""
    masked, is_value = list[str](), False
    for word in words:
        masked.append(MASK if is_value and word[:1] != "-" else _masked_option(word, redactor))
        name = word.lstrip("-")
        is_value = word.startswith("--") and "=" not in word and is_credential_name(name)
    return tuple(masked)


def _masked_option(word: str, redactor: Redactor) -> str:
    option = _OPTION.fullmatch(word)
    if option is not None and is_secret_name(option["name"].replace("-", "_")):
        return f"{option['name']}{option['type'] or ''}={MASK}"
    return redactor.text(word)
