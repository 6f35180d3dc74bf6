"""The git files, GIT_DESCRIBE and its companions: the source code that was built.

Source of the format: E3SM's provenance.py. Except for GIT_DESCRIBE and GIT_CONFIG, each file has
the output of a git command in the main repository, and then, after a line `Entering 'path'`, its
output in each submodule.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.archives.content import text_lines
from ingest.cases.parsers.incremental import Variables
from ingest.cases.parsers.not_understood import Report, ignore
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
_MAX_FILES = 1000


@dataclass(frozen=True, slots=True)
class GitDescribe:
    """The output of `git describe`: the text, and the tag and the abbreviated hash in it."""

    text: str | None
    tag: str | None
    commit_hash: str | None


def parse_git_describe(content: bytes, report: Report = ignore) -> GitDescribe:
    """Parse GIT_DESCRIBE: `<tag>-<n>-g<hash>`, an exact tag, a bare hash, or `unknown`."""
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


def parse_git_status(content: bytes, report: Report = ignore) -> GitStatus:
    """Parse GIT_STATUS: the branch of the main repository."""
    lines = (line for module, line in _lines_by_module(content) if not module)
    named = (line.removeprefix(_BRANCH).strip() for line in lines if line.startswith(_BRANCH))
    return GitStatus(next(named, "") or None)


def parse_git_submodules(content: bytes, report: Report = ignore) -> Variables:
    """Parse GIT_SUBMODULE_STATUS: the commit of each submodule, and git's description of it.

    `+` before the commit means that the main repository records another one.
    """
    submodules: Variables = {}
    for module, line in _lines_by_module(content):
        match = _SUBMODULE_LINE.fullmatch(line)
        if match is not None:
            description = f" ({match['describe']})" if match["describe"] else ""
            sign = match["sign"].strip()
            key = join_key("git_submodule_status", _join(module, match["path"]))
            submodules[key] = f"{sign}{match['commit']}{description}"
    return submodules


def parse_git_log(content: bytes, report: Report = ignore) -> Variables:
    """Parse GIT_LOG: hash and subject of the last commits of the main repository."""
    lines = (line.strip() for module, line in _lines_by_module(content) if not module)
    return {join_key("git_log", "commits"): [masked_text(line) for line in lines if line] or None}


def parse_git_remote(content: bytes, report: Report = ignore) -> Variables:
    """Parse GIT_REMOTE: the URLs of the main repository's remotes, without credentials."""
    remotes: Variables = {}
    for module, line in _lines_by_module(content):
        name, _, url = line.removesuffix("(fetch)").strip().partition("\t")
        if not module and line.endswith("(fetch)") and url:
            remotes[join_key("git_remote", name)] = public_url(url.strip())
    return remotes


def parse_git_diff(content: bytes, report: Report = ignore) -> Variables:
    """Parse GIT_DIFF: the changed files and the SHA-256 of the diff; null for clean sources.

    The first 1000 files are listed.
    """
    files: list[str] = []
    digest = hashlib.sha256()
    for module, line in _lines_by_module(content):
        if match := _DIFF.fullmatch(line):
            files.append(_join(module, match["path"]))
        if files:
            digest.update(f"{line}\n".encode())
    diff = {"files": files[:_MAX_FILES] or None, "sha256": digest.hexdigest() if files else None}
    return {join_key("git_diff", name): value for name, value in diff.items()}


def _lines_by_module(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield each line with the path of the submodule it is about, empty for the main repository."""
    module = ""
    for line in text_lines(content):
        entering = _ENTERING.fullmatch(line)
        if entering is not None:
            module = entering["path"]
        else:
            yield module, line


def _join(module: str, path: str) -> str:
    return f"{module}/{path}" if module else path


def parse_git_config(content: bytes, report: Report = ignore) -> GitConfig:
    """Parse GIT_CONFIG: the URL of the remote `origin`, or else of the first remote."""
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
    """Return a git URL without credentials; one for ssh becomes one for https.

    `git@github.com:E3SM-Project/E3SM.git` is `https://github.com/E3SM-Project/E3SM.git`. Everything
    before the last `@` counts as credentials, because these are often not escaped as they should
    be. Raise ParseError `bad_url` when the end of the credentials is uncertain.
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
