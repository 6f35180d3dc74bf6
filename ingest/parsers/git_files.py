"""The git files: GIT_DESCRIBE, GIT_STATUS and GIT_CONFIG, which tell the source that was built."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from ingest.parsers.content import text_lines

_DESCRIBED = re.compile(r"(?P<tag>.+)-[0-9]+-g(?P<hash>[0-9a-f]{4,64})")
_HASH = re.compile(r"g?(?P<hash>[0-9a-f]{7,64})")
_REMOTE = re.compile(r'\[remote "(?P<name>[^"]*)"\]')
_SCP_FORM = re.compile(r"(?:[^@/:]+@)?(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/\\].*)")
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

    `git@github.com:E3SM-Project/E3SM.git` is `https://github.com/E3SM-Project/E3SM.git`.
    """
    if "://" not in url:
        scp = _SCP_FORM.fullmatch(url)
        return f"https://{scp['host']}/{scp['path']}" if scp else url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme in {"ssh", "git+ssh"}:
        return urlunsplit(("https", host.partition(":")[0], parts.path, "", ""))
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
