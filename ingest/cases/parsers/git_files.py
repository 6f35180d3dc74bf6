"""The git files, GIT_DESCRIBE and its companions, which tell the source that was built.

Source of the format: E3SM's provenance.py. But for GIT_DESCRIBE and GIT_CONFIG, each is the answer
of a git command in the main repository, and then, after a line `Entering 'path'`, of the same in
each submodule.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.archives.content import text_lines
from ingest.cases.parsers.incremental import Variables
from models.configuration.keys import join_key
from models.errors import ParseError
from models.redaction.text import masked_text

_DESCRIBED = re.compile(r"(?P<tag>.+)-[0-9]+-g(?P<hash>[0-9a-f]{4,64})")
_HASH = re.compile(r"g?(?P<hash>[0-9a-f]{7,64})")
_REMOTE = re.compile(r'\[remote "(?P<name>[^"]*)"\]')
_SCHEME = re.compile(r"(?:[A-Za-z0-9+.-]+::)?(?P<name>[A-Za-z][A-Za-z0-9+.-]*)://")
_SCP_FORM = re.compile(r"(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/\\].*)")
_LOCAL_PATH = re.compile(r"\.{0,2}/(?!/)[^:]*")
_QUERY = re.compile(r"[?#].*", re.DOTALL)
_PORT = re.compile(r":[0-9]*$")
_BRANCH = "On branch "
_ENTERING = re.compile(r"Entering '(?P<path>[^']{1,1000})'")
_SUBMODULE_LINE = re.compile(
    r"(?P<sign>[ +U-])(?P<commit>[0-9a-f]{7,64}) (?P<path>\S.*?)(?: \((?P<describe>[^()]*)\))?"
)
_DIFF = re.compile(r"diff --git a/(?P<path>.+?) b/.*")
_MOST_LISTED = 1000


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


@dataclass(frozen=True, slots=True)
class GitStatus:
    """The branch of the main repository, None when its head is detached."""

    branch: str | None


@dataclass(frozen=True, slots=True)
class GitConfig:
    """The URL of the remote that the source came from, without credentials."""

    url: str | None


def parse_git_status(content: bytes) -> GitStatus:
    """Read GIT_STATUS."""
    lines = (line for module, line in _lines_by_module(content) if not module)
    named = (line.removeprefix(_BRANCH).strip() for line in lines if line.startswith(_BRANCH))
    return GitStatus(next(named, "") or None)


def parse_git_submodules(content: bytes) -> Variables:
    """Read GIT_SUBMODULE_STATUS: by submodule its commit, and how git describes that.

    `+` before the commit means that it is not the one which the main repository asks for.
    """
    found: Variables = {}
    for module, line in _lines_by_module(content):
        told = _SUBMODULE_LINE.fullmatch(line)
        if told is not None:
            description = f" ({told['describe']})" if told["describe"] else ""
            sign = told["sign"].strip()
            key = join_key("git_submodule_status", _join(module, told["path"]))
            found[key] = f"{sign}{told['commit']}{description}"
    return found


def parse_git_log(content: bytes) -> Variables:
    """Read GIT_LOG: the last commits of the main repository, hash and subject."""
    lines = (line.strip() for module, line in _lines_by_module(content) if not module)
    return {join_key("git_log", "commits"): [masked_text(line) for line in lines if line] or None}


def parse_git_remote(content: bytes) -> Variables:
    """Read GIT_REMOTE: the URLs of the main repository's remotes, without credentials."""
    found: Variables = {}
    for module, line in _lines_by_module(content):
        name, _, url = line.removesuffix("(fetch)").strip().partition("\t")
        if not module and line.endswith("(fetch)") and url:
            found[join_key("git_remote", name)] = public_url(url.strip())
    return found


def parse_git_diff(content: bytes) -> Variables:
    """Read GIT_DIFF: which files were changed, and the SHA-256 of how; null for clean sources."""
    files: list[str] = []
    digest = hashlib.sha256()
    for module, line in _lines_by_module(content):
        if match := _DIFF.fullmatch(line):
            files.append(_join(module, match["path"]))
        if files:
            digest.update(f"{line}\n".encode())
    told = {"files": files[:_MOST_LISTED] or None, "sha256": digest.hexdigest() if files else None}
    return {join_key("git_diff", name): value for name, value in told.items()}


def _lines_by_module(content: bytes) -> Iterator[tuple[str, str]]:
    """Give each line with the path of the submodule that it tells of, empty for the main one."""
    module = ""
    for line in text_lines(content):
        entering = _ENTERING.fullmatch(line)
        if entering is not None:
            module = entering["path"]
        else:
            yield module, line


def _join(module: str, path: str) -> str:
    return f"{module}/{path}" if module else path


def parse_git_config(content: bytes) -> GitConfig:
    """Read GIT_CONFIG: the URL of the remote `origin`, or of the first remote."""
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
    return GitConfig(None if url is None else public_url(url))


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
