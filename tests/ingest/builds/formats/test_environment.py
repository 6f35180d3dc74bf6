"""Of the environment of a build only what is on the list is kept, and never a credential."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.builds.formats.environment import (
    MAX_VALUE_LENGTH,
    allowed_variables,
    parse_configure_args,
    parse_host_environment,
    parse_variables,
    spack_commit,
)
from models.builds.build import BuildHost
from models.redaction.logs import Redactor
from tests.support.executions import reason_of

SECRET = "hunter2hunter2"
NOTHING = Redactor()


def test_the_host_is_read() -> None:
    content = (
        b'{"host_os":"debian12","platform":"linux","host_target":"icelake","hostname":"h",'
        b'"spack_version":"1.3.0.dev0 (5817ab9613)","kernel_version":"#1 SMP","more":1}'
    )
    assert parse_host_environment(content) == BuildHost(
        host_os="debian12",
        platform="linux",
        host_target="icelake",
        hostname="h",
        kernel_version="#1 SMP",
        spack_version="1.3.0.dev0 (5817ab9613)",
        spack_commit="5817ab9613",
    )


def test_fields_of_the_wrong_type_are_not_known() -> None:
    content = b'{"host_os":1,"platform":null,"hostname":["h"],"spack_version":""}'
    assert parse_host_environment(content) == BuildHost()


@pytest.mark.parametrize(
    ("version", "commit"),
    [
        (f"0.23.0.dev0 ({'e8f8cf85' * 5})", "e8f8cf85" * 5),
        ("0.16.1-1455-52d5b55b65", "52d5b55b65"),
        ("0.16.1-1455-g52d5b55b65", "52d5b55b65"),
        ("0.21.0", None),
        ("unknown (nothing)", None),
        (None, None),
    ],
)  # fmt: skip
def test_the_commit_of_spack_stands_in_its_version(version: str | None, commit: str | None) -> None:
    assert spack_commit(version) == commit


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param("export A=b;\nunset C;\n", {"A": "b"}, id="of today"),
        pytest.param("A=b; export A\nC=d; export C\n", {"A": "b", "C": "d"}, id="before 0.17"),
        pytest.param("export A='b; c\nd';", {"A": "b; c\nd"}, id="quoted"),
        pytest.param('export A="b \\"c\\" $d \\x";', {"A": 'b "c" $d \\x'}, id="double quotes"),
        pytest.param("export A='b'\"'\"'c';", {"A": "b'c"}, id="quote in quotes"),
        pytest.param("export A=b\\ c;", {"A": "b c"}, id="escaped blank"),
        pytest.param("export A='';export B=;", {"A": "", "B": ""}, id="empty"),
        pytest.param("export A=b=c;", {"A": "b=c"}, id="sign in the value"),
        pytest.param("unset A;\nexport A=b;\n", {"A": "b"}, id="unset and set"),
        pytest.param("export A=b", {"A": "b"}, id="no end"),
        pytest.param("export 1A=b; export A.B=c; export =d;", {}, id="no names"),
        pytest.param("echo A=b; A b=c", {}, id="other commands"),
        pytest.param("", {}, id="empty file"),
    ],
)
def test_a_dump_of_variables_is_read(text: str, values: dict[str, str]) -> None:
    assert parse_variables(text.encode()) == values


@pytest.mark.slow
@given(st.dictionaries(st.from_regex(r"[A-Za-z_]\w{0,8}", fullmatch=True).filter(str.isascii),
                       st.text(st.characters(codec="utf-8")), max_size=5))  # fmt: skip
def test_values_quoted_for_the_shell_come_back(values: dict[str, str]) -> None:
    def quoted(text: str) -> str:
        return "'" + text.replace("'", "'\"'\"'") + "'"

    dump = "".join(f"export {name}={quoted(value)};\n" for name, value in values.items())
    assert parse_variables(dump.encode()) == values


@pytest.mark.parametrize("text", ["export A='b", 'export A="b', 'export A=\'b" "c'])
def test_a_quote_without_end_is_refused(text: str) -> None:
    assert reason_of(lambda: parse_variables(text.encode())) == "unclosed_quote"


@given(st.one_of(st.binary(), st.text("AB=;'\"\\\n export unset").map(str.encode)))
def test_any_bytes_give_variables_or_a_documented_error(content: bytes) -> None:
    assert reason_of(lambda: parse_variables(content)) in {None, "unclosed_quote"}
    assert parse_configure_args(content, NOTHING) is not None


@pytest.mark.slow
@pytest.mark.parametrize("pattern", [b"'\"", b'"\\', b"\\", b"a=", b"';", b"export "])
def test_hostile_dumps_take_no_more_time_than_their_length(pattern: bytes) -> None:
    start = time.process_time()
    reason_of(lambda: parse_variables(pattern * (2_000_000 // len(pattern))))
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    "name",
    [
        "CC",
        "CFLAGS",
        "PATH",
        "SPACK_CC",
        "SPACK_COMPILER_FLAGS_KEEP",
        "CMAKE_PREFIX_PATH",
        "PE_ENV",
    ],
)
def test_what_is_on_the_list_is_kept(name: str) -> None:
    assert allowed_variables({name: "x"}, NOTHING) == {name: "x"}


@pytest.mark.parametrize(
    "name",
    [
        "HOME", "USER", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SSH_AUTH_SOCK", "MY_PATH", "cc",
        "SPACK_CDASH_AUTH_TOKEN", "SPACK_MIRROR_PASSWORD", "SPACK_CI_PW", "SPACK_SIGNING_KEY",
        "SPACK_S3_CREDS", "CMAKE_API_KEY", "OMPI_SESSION_COOKIE", "DBUS_SESSION_BUS_ADDRESS",
    ],
)  # fmt: skip
def test_all_others_and_credentials_are_not_kept(name: str) -> None:
    assert allowed_variables({name: SECRET}, NOTHING) == {}


def test_a_credential_in_a_value_is_masked() -> None:
    found = allowed_variables({"LDFLAGS": f"-L https://u:{SECRET}@h/x"}, NOTHING)
    assert SECRET not in str(found)


def test_a_value_that_is_too_long_says_so() -> None:
    value = allowed_variables({"PATH": "a" * (MAX_VALUE_LENGTH + 7)}, NOTHING)["PATH"]
    assert value.endswith("(7 characters more)")


@pytest.mark.parametrize(
    ("text", "args"),
    [
        pytest.param("--a=b --c", ("--a=b", "--c"), id="plain"),
        pytest.param("-DA:STRING='b c' -DB=d;e", ("-DA:STRING=b c", "-DB=d;e"), id="quoted"),
        pytest.param("--a=it's --b", ("--a=it's", "--b"), id="quotes that do not match"),
        pytest.param("--with-token=hunter2", ("--with-token=***",), id="credential"),
        pytest.param("-DAPI_TOKEN:STRING=hunter2", ("-DAPI_TOKEN:STRING=***",), id="typed"),
        pytest.param("--url=https://u:hunter2@h/", ("--url=https://***@h/",), id="in a URL"),
        pytest.param("", (), id="none"),
    ],
)
def test_configure_arguments_are_read(text: str, args: tuple[str, ...]) -> None:
    assert parse_configure_args(text.encode(), NOTHING) == args
