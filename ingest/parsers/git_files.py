"""The git files: GIT_DESCRIBE, GIT_STATUS and GIT_CONFIG, which tell the source that was built."""

import re
from dataclasses import dataclass

from ingest.parsers.content import text_lines
from models.errors import ParseError

_DESCRIBED = re.compile(r"(?P<tag>.+)-[0-9]+-g(?P<hash>[0-9a-f]{4,64})")
_HASH = re.compile(r"g?(?P<hash>[0-9a-f]{7,64})")
_REMOTE = re.compile(r'\[remote "(?P<name>[^"]*)"\]')
_SCHEME = re.compile(r"(?:[A-Za-z0-9+.-]+::)?(?P<name>[A-Za-z][A-Za-z0-9+.-]*)://")
_SCP_FORM = re.compile(r"(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/\\].*)")
_LOCAL_PATH = re.compile(r"\.{0,2}/(?!/)[^:]*")
_QUERY = re.compile(r"[?#].*", re.DOTALL)
_PORT = re.compile(r":[0-9]*$")
_BRANCH = "On branch "
_SUBMODULE = "Entering '"


@dataclass(frozen=True, slots=True)
class GitDescribe:
    """The answer of `git describe`: the text, the tag before it and the abbreviated hash."""

    text: str | None
    tag: str | None
    commit_hash: str | None


def parse_git_describe(content: bytes) -> GitDescribe:
    """Read GIT_DESCRIBE: `<tag>-<n>-g<hash>`, an exact tag, a bare hash, or `unknown`."""
    lines = [line.strip() for line in text_lines(content) if line.strip()]
    text = lines[0] if lines else "unknown"
    if text == "unknown" or text.startswith("fatal:"):
        return GitDescribe(None, None, None)
    plain = text.removesuffix("-dirty")
    if described := _DESCRIBED.fullmatch(plain):
        return GitDescribe(text, described["tag"], described["hash"])
    if bare := _HASH.fullmatch(plain):
        return GitDescribe(text, None, bare["hash"])
    return GitDescribe(text, plain, None)


def parse_git_status(content: bytes) -> str | None:
    """Return the branch of the main repository, or None when its head is detached."""
    for line in text_lines(content):
        if line.startswith(_SUBMODULE):
            return None
        if line.startswith(_BRANCH):
            return line.removeprefix(_BRANCH).strip() or None
    return None


def parse_git_config(content: bytes) -> str | None:
    """Return the URL of the remote `origin`, or of the first remote, without credentials."""
    urls: dict[str, str] = {}
    remote: str | None = None
    for line in (raw.strip() for raw in text_lines(content)):
        if line.startswith("["):
            section = _REMOTE.fullmatch(line)
            remote = section["name"] if section else None
            continue
        name, equals, value = line.partition("=")
        if remote is not None and equals and name.strip() == "url" and value.strip():
            urls.setdefault(remote, value.strip())
    url = urls.get("origin") or next(iter(urls.values()), None)
    return None if url is None else public_url(url)


def public_url(url: str) -> str:
    """Return a git URL as https where that is its meaning, and never with credentials in it.

    `git@github.com:E3SM-Project/E3SM.git` is `https://github.com/E3SM-Project/E3SM.git`. All that
    stands before the last `@` counts as credentials, for these are often not escaped as they
    should be. ParseError `bad_url` when it cannot be told where they end.
    """
    if _LOCAL_PATH.fullmatch(url):
        return url
    scheme = _SCHEME.match(url)
    credentials, _, address = url.rpartition("@")
    if scheme is not None and not credentials:
        address = url[scheme.end() :]
    address = _QUERY.sub("", address)
    if _QUERY.search(credentials) or not address:
        raise ParseError("bad_url", "the URL of the remote repository is not valid")
    if scheme is None:
        scp = _SCP_FORM.fullmatch(address)
        return f"https://{scp['host']}/{scp['path']}" if scp else address
    name = scheme["name"].lower()
    if name in {"ssh", "git+ssh"}:
        host, slash, path = address.partition("/")
        return f"https://{_PORT.sub('', host)}{slash}{path}"
    return f"{name}://{address}"
