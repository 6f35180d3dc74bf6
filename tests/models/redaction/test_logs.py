"""A credential of the build environment is found nowhere in what is taken from its files."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.redaction.logs import (
    MAX_LINE_BYTES,
    PrivateKey,
    Redactor,
    is_secret_name,
    redactor_of,
)

SECRET = "correct-horse+battery"


@pytest.mark.parametrize(
    "name",
    ["GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "X_KEY", "DB_PASSWORD", "CI_PW", "X_AUTH", "MY_PAT"],
)
def test_names_of_credentials_are_known(name: str) -> None:
    assert is_secret_name(name)
    assert is_secret_name(name.lower())


@pytest.mark.parametrize(
    "name", ["PATH", "CC", "SPACK_COMPILER_FLAGS_KEEP", "KEYBOARD", "LD_LIBRARY_PATH"]
)
def test_other_names_are_none(name: str) -> None:
    assert not is_secret_name(name)


def test_the_value_of_a_credential_is_masked_everywhere() -> None:
    redactor = redactor_of({"CI_TOKEN": SECRET, "PATH": "/usr/bin"})
    assert redactor.text(f"login {SECRET} in /usr/bin") == "login *** in /usr/bin"


@pytest.mark.parametrize(
    "variables",
    [{"SSH_AUTH_SOCK": "/tmp/socket-of-agent"}, {"CI_TOKEN": "true"}, {"HOME": "/home/somebody"}],
)
def test_what_is_no_credential_is_not_masked(variables: dict[str, str]) -> None:
    text = " ".join(variables.values())
    assert redactor_of(variables).text(text) == text


def test_each_line_of_a_key_is_masked() -> None:
    redactor = redactor_of({"DEPLOY_KEY": "-----BEGIN-----\nabcdefghijkl\n"})
    assert redactor.text("x abcdefghijkl") == "x ***"


def test_of_credentials_that_contain_each_other_the_longest_is_masked() -> None:
    redactor = redactor_of({"A_TOKEN": SECRET, "B_TOKEN": f"{SECRET}-tail"})
    assert redactor.text(f"{SECRET}-tail") == "***"


@given(st.lists(st.binary(max_size=30)))
def test_a_log_without_credentials_stays_as_it_is(pieces: list[bytes]) -> None:
    assert b"".join(Redactor().log(pieces)) == b"".join(pieces)


@given(st.integers(0, 5000), st.integers(1, 40), st.sampled_from([b" ", b"\n", b"x"]))
def test_a_credential_in_a_log_is_masked_however_it_is_cut(
    before: int, size: int, filler: bytes
) -> None:
    log = filler * before + b" " + SECRET.encode() + b"\n"
    pieces = [log[start : start + size] for start in range(0, len(log), size)]
    masked = b"".join(redactor_of({"X_TOKEN": SECRET}).log(pieces))
    assert masked == filler * before + b" ***\n"


@pytest.mark.parametrize("secret", [SECRET, f" --password {SECRET} ", "ghp_" + "aB3dEfGhIj" * 4])
@pytest.mark.parametrize("size", [1000, 2**16])
def test_a_credential_in_a_line_that_is_too_long_to_be_held_is_masked(
    secret: str, size: int
) -> None:
    log = b"/" * (2**14 - 14) + secret.encode() + b"/x" * 2**16 + b"\n"
    pieces = [log[start : start + size] for start in range(0, len(log), size)]
    masked = b"".join(redactor_of({"X_TOKEN": SECRET}).log(pieces))
    assert masked == log.replace(secret.strip().removeprefix("--password ").encode(), b"***")


@pytest.mark.parametrize("size", [1000, 2**16, 2**22])
def test_of_a_line_that_is_longer_still_the_beginning_is_kept(size: int) -> None:
    secret = b" --password " + SECRET.encode()
    line = b"/x" * (MAX_LINE_BYTES // 2 - 5) + secret + b"/x" * 2**16
    log = b"before\n" + line + b"\nafter"
    pieces = [log[start : start + size] for start in range(0, len(log), size)]
    before, kept, after = b"".join(Redactor().log(pieces)).split(b"\n")
    assert (before, after) == (b"before", b"after")
    assert kept.endswith(b"/x [cut here: the line has %d bytes]" % len(line))
    assert len(kept) < MAX_LINE_BYTES
    assert b"password" not in kept


@pytest.mark.slow
def test_a_line_of_many_mebibytes_takes_little_memory_and_little_work() -> None:
    seen: list[int] = []

    class Counting(Redactor):
        def text(self, text: str) -> str:
            seen.append(len(text))
            return text

    tracemalloc.start()
    try:
        assert sum(map(len, Counting().log(b" token=aa" * 2**12 for _ in range(1000)))) < 2**21
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
    assert sum(seen) == MAX_LINE_BYTES


def test_the_beginnings_of_many_keys_before_one_end_are_searched_once() -> None:
    line = "-----BEGIN RSA PRIVATE KEY-----" * 20_000
    key = PrivateKey()
    assert not key.is_key_line(f"{line}-----END")
    assert not key.is_open
    assert not key.is_key_line(line)
    assert key.is_open


KEY = [
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "Proc-Type: 4,ENCRYPTED",
    "",
    "c2VjcmV0c2VjcmV0c2VjcmV0",
    "c2Vj==",
    "-----END OPENSSH PRIVATE KEY-----",
]


def test_a_private_key_in_a_log_is_masked_in_all_its_lines() -> None:
    log = "\n".join(["a", *KEY, "b"]).encode()
    masked = b"".join(Redactor().log([log[:60], log[60:]])).splitlines()
    assert len(masked) == len(KEY) + 2
    assert b"c2Vj" not in b"".join(masked)
    assert (masked[0], masked[-1]) == (b"a", b"b")


def test_the_beginning_of_a_key_hides_nothing_but_keys() -> None:
    log = f"{KEY[0]}\nconfigure: error: no key\nmake\n".encode()
    assert b"".join(Redactor().log([log])) == b"***\nconfigure: error: no key\nmake\n"
