"""The git files tell the source, and never a credential."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.parsers.git_files import (
    GitDescribe,
    parse_git_config,
    parse_git_describe,
    parse_git_status,
    public_url,
)
from models.errors import ParseError
from tests.support.executions import mutations, reason_of, sample_files

NOTHING = GitDescribe(None, None, None)
SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("content", "tag", "commit"),
    [
        pytest.param(b"v3.0.2-2-g7c4ec379a6", "v3.0.2", "7c4ec379a6", id="commits behind a tag"),
        pytest.param(b"a/b-c-3-30-g0123abc\n", "a/b-c-3", "0123abc", id="dashes and numbers in it"),
        pytest.param(b"v3.0.2-2-g7c4ec379a6-dirty", "v3.0.2", "7c4ec379a6", id="dirty"),
        pytest.param(b"v3.0.2", "v3.0.2", None, id="exact tag"),
        pytest.param(b"7c4ec379a6", None, "7c4ec379a6", id="bare hash"),
        pytest.param(b"g7c4ec379a6", None, "7c4ec379a6", id="bare hash with its letter"),
        pytest.param(b"\xef\xbb\xbf\r\n v3.0.2 \r\nmore", "v3.0.2", None, id="BOM, CR LF, blanks"),
    ],
)
def test_describe_tells_the_tag_and_the_commit(
    content: bytes, tag: str | None, commit: str | None
) -> None:
    found = parse_git_describe(content)
    assert (found.tag, found.commit_hash) == (tag, commit)


def test_describe_keeps_its_text() -> None:
    assert parse_git_describe(b"v3-1-gabcdef0-dirty\n").text == "v3-1-gabcdef0-dirty"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \n\n", id="blank"),
        pytest.param(b"unknown", id="unknown"),
        pytest.param(b"fatal: not a git repository", id="error of git"),
    ],
)
def test_describe_may_tell_nothing(content: bytes) -> None:
    assert parse_git_describe(content) == NOTHING


@pytest.mark.parametrize(
    ("content", "branch"),
    [
        pytest.param(b"On branch maint-3.0\nmore\n", "maint-3.0", id="branch"),
        pytest.param(b"On branch a/b c\r\n", "a/b c", id="odd name"),
        pytest.param(b"HEAD detached at v3.0.2\n", None, id="detached"),
        pytest.param(
            b"HEAD detached at v3\n\nEntering 'cime'\nOn branch x\n", None, id="of a submodule"
        ),
        pytest.param(b"On branch a\n\nEntering 'cime'\nOn branch b\n", "a", id="the main one's"),
        pytest.param(b"On branch a\nOn branch b\n", "a", id="the first"),
        pytest.param(b"On branch \n", None, id="no name"),
        pytest.param(b"", None, id="empty"),
    ],
)
def test_status_tells_the_branch(content: bytes, branch: str | None) -> None:
    assert parse_git_status(content).branch == branch


def remote(name: str, url: str) -> str:
    return f'[remote "{name}"]\n\turl = {url}\n\tfetch = +refs/heads/*\n'


@pytest.mark.parametrize(
    ("config", "url"),
    [
        pytest.param(remote("origin", "https://h/o.git"), "https://h/o.git", id="origin"),
        pytest.param(
            remote("fork", "https://h/f.git") + remote("origin", "https://h/o.git"),
            "https://h/o.git",
            id="origin behind a fork",
        ),
        pytest.param(
            remote("a", "https://h/a.git") + remote("b", "https://h/b.git"),
            "https://h/a.git",
            id="no origin",
        ),
        pytest.param('[submodule "cime"]\nurl = https://h/s.git\n', None, id="submodule"),
        pytest.param(
            remote("origin", "https://h/o.git") + '[submodule "x"]\nurl = https://h/s.git\n',
            "https://h/o.git",
            id="submodule behind it",
        ),
        pytest.param('[remote "origin"]\npushurl = https://h/p.git\n', None, id="only for pushing"),
        pytest.param('[remote "origin"]\nurl =\n', None, id="no value"),
        pytest.param(
            '[remote "origin"]\nurl = https://h/1.git\nurl = https://h/2.git\n',
            "https://h/1.git",
            id="the first of two",
        ),
        pytest.param(
            '[remote "origin"]\nfetch = x\n[submodule "x"]\nurl = https://h/s.git\n',
            None,
            id="submodule behind a remote without any",
        ),
        pytest.param("url = https://h/x.git\n", None, id="no section"),
        pytest.param("", None, id="empty"),
        pytest.param(
            "\ufeff" + remote("origin", "https://h/o.git").replace("\n", "\r\n"),
            "https://h/o.git",
            id="BOM and CR LF",
        ),
    ],
)
def test_config_tells_the_url_of_the_main_remote(config: str, url: str | None) -> None:
    assert parse_git_config(config.encode()).url == url


@pytest.mark.parametrize(
    ("url", "public"),
    [
        pytest.param("https://h.org/o/r.git", "https://h.org/o/r.git", id="https"),
        pytest.param("https://h.org:8443/o/r", "https://h.org:8443/o/r", id="port"),
        pytest.param("git@h.org:o/r.git", "https://h.org/o/r.git", id="scp"),
        pytest.param("h.org:o/r.git", "https://h.org/o/r.git", id="scp without a user"),
        pytest.param("ssh://git@h.org/o/r.git", "https://h.org/o/r.git", id="ssh"),
        pytest.param("ssh://git@h.org:22/o/r.git", "https://h.org/o/r.git", id="ssh with port"),
        pytest.param("git+ssh://git@h.org/o/r", "https://h.org/o/r", id="git+ssh"),
        pytest.param("ssh://git@[::1]:22/o/r", "https://[::1]/o/r", id="IPv6"),
        pytest.param("git://h.org/o/r", "git://h.org/o/r", id="git"),
        pytest.param("/home/jdoe/E3SM", "/home/jdoe/E3SM", id="local path"),
        pytest.param("/home/j@doe/E3SM#2", "/home/j@doe/E3SM#2", id="local path with odd signs"),
        pytest.param("../E3SM", "../E3SM", id="relative path"),
        pytest.param("file:///home/jdoe/E3SM", "file:///home/jdoe/E3SM", id="local URL"),
        pytest.param("https://h.org/o/r?private_token=x#y", "https://h.org/o/r", id="query"),
    ],
)
def test_a_url_is_made_public(url: str, public: str) -> None:
    assert public_url(url) == public


@pytest.mark.parametrize("url", ["https://jdoe@", "jdoe@", "https://h.org?a@b", "?"])
def test_a_url_without_an_end_of_its_credentials_is_refused(url: str) -> None:
    assert reason_of(lambda: public_url(url)) == "bad_url"


HIDING_PLACES = [
    pytest.param("https://{0}@h.org/o/r", id="token"),
    pytest.param("https://u:{0}@h.org/o/r", id="password"),
    pytest.param("https://u:a@{0}@h.org/o/r", id="unescaped at"),
    pytest.param("https://u:a/{0}@h.org/o/r", id="unescaped slash"),
    pytest.param("https://u:{0}/a@h.org/o/r", id="unescaped slash behind it"),
    pytest.param("HTTPS://u:{0}@h.org/o/r", id="capitals"),
    pytest.param("ssh://u:{0}@h.org:22/o/r", id="ssh"),
    pytest.param("u:{0}@h.org:o/r", id="scp with a password"),
    pytest.param("u:{0}@h.org/o/r", id="no scheme"),
    pytest.param("//u:{0}@h.org/o/r", id="no scheme but slashes"),
    pytest.param("//{0}@h.org/o/r", id="token behind slashes"),
    pytest.param("https:/u:{0}@h.org/o/r", id="one slash"),
    pytest.param("https:///u:{0}@h.org/o/r", id="three slashes"),
    pytest.param("https::https://u:{0}@h.org/o/r", id="remote helper"),
    pytest.param("ht!tps://u:{0}@h.org/o/r", id="no valid scheme"),
    pytest.param('"https://u:{0}@h.org/o/r"', id="quoted"),
    pytest.param("https://[u:{0}@h.org/o/r", id="bracket"),
    pytest.param("https://u:{0}@h\u2100.org/o/r", id="host that normalises to a slash"),
    pytest.param("https:\\\\u:{0}@h.org\\o\\r", id="backslashes"),
    pytest.param("https://h.org/o/r?token={0}", id="query"),
    pytest.param("https://h.org/o/r?mail=a@{0}", id="query with an at"),
    pytest.param("https://h.org/o/r#{0}", id="fragment"),
    pytest.param("https://h.org/o/r;{0}@x:y@z", id="parameters"),
]


@pytest.mark.parametrize("form", HIDING_PLACES)
def test_a_credential_never_comes_out(form: str) -> None:
    try:
        shown = parse_git_config(remote("origin", form.format(SECRET)).encode()).url
    except ParseError as error:
        shown = str(error)
    assert SECRET not in (shown or "")


@given(st.text(alphabet="ab:/@[]?#.!%\\\u2100", max_size=8), st.text(alphabet="ab.", max_size=3))
def test_a_credential_never_comes_out_of_odd_urls(noise: str, host: str) -> None:
    try:
        shown = public_url(f"https://{noise}:{SECRET}@{host}/o/r")
    except ParseError as error:
        shown = str(error)
    assert SECRET not in shown


@given(
    st.sampled_from(["git_describe", "git_status", "git_config"]).flatmap(
        lambda name: mutations(sample_files()[name])
    )
    | st.binary()
    | st.text().map(lambda url: remote("origin", url).encode())
)
def test_nothing_is_raised_but_parse_errors(content: bytes) -> None:
    parse_git_describe(content)
    parse_git_status(content)
    assert reason_of(lambda: parse_git_config(content)) in {None, "bad_url"}
