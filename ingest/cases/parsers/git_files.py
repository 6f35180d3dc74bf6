"""The git files, GIT_DESCRIBE and its companions: the source code that was built.

Source of the format: E3SM's provenance.py. Except for GIT_DESCRIBE and GIT_CONFIG, each file has
the output of a git command in the main repository, and then, after a line `Entering 'path'`, its
output in each submodule. CIME strips what git writes, so that the first line of a file has lost the
blanks that it began with.
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
_NO_BRANCH = ("HEAD detached ", "Not currently on any branch.", "# Not currently on any branch.")
_ENTERING = re.compile(r"Entering '(?P<path>[^']{1,1000})'")
_SUBMODULE_LINE = re.compile(
    r"(?P<sign>[ +U-])(?P<commit>[0-9a-f]{7,64}) (?P<path>\S.*?)(?: \((?P<describe>[^()]*)\))?"
)
_UNKNOWN = "unknown"  # what CIME writes when git fails
_REMOTE_LINE = re.compile(
    r"(?P<name>[^\t]++)\t(?:(?P<url>\S.*) )?\((?P<use>fetch|push)\)(?: \[[^\[\]]*\])?"
)
_COMMIT_LINE = re.compile(r"(?:[<>=^*+-] ?)?[0-9a-f]{7,64}(?:\s.*)?")
_DIFF = "diff "
_DIFF_OF_TWO = "diff --git "
_DIFF_OF_MORE = re.compile(r"diff --(?:cc|combined) (?P<path>.+)")
_UNMERGED = "* Unmerged path "
_SUBMODULE_LOG = re.compile(r"Submodule (?P<path>.+?) [0-9a-f]{7,64}\.{2,3}[0-9a-f]{7,64}.*")
_PREFIXED = re.compile(r"[a-z]/(?P<path>.+?) [a-z]/.*")
_QUOTED = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*+)"')
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_CONTROLS = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}
_CONFIG_SECTION = re.compile(r'\[[\w.-]+(?:\s+"(?:[^"\\]|\\.)*")?\]\s*(?P<rest>.*)')
_CONFIG_NAME = re.compile(r"[A-Za-z][\w-]*\s*(?:=.*|[#;].*)?")
_CONFIG_COMMENTS = ("#", ";")
_MAX_FILES = 1000


@dataclass(frozen=True, slots=True)
class GitDescribe:
    """The output of `git describe`: the text, and the tag and the abbreviated hash in it."""

    text: str | None
    tag: str | None
    commit_hash: str | None


def parse_git_describe(content: bytes, report: Report = ignore) -> GitDescribe:
    """Parse GIT_DESCRIBE: `<tag>-<n>-g<hash>`, an exact tag, a bare hash, or `unknown`."""
    numbered = ((number, line.strip()) for number, line in enumerate(text_lines(content), 1))
    (first, text), *others = [line for line in numbered if line[1]] or [(0, _UNKNOWN)]
    for number, line in others:
        report(number, line)
    if text == _UNKNOWN or text.startswith("fatal:"):
        return GitDescribe(None, None, None)
    plain = text.removesuffix("-dirty")
    if described := _DESCRIBED.fullmatch(plain):
        return GitDescribe(text, described["tag"], described["hash"])
    if bare := _HASH.fullmatch(plain):
        return GitDescribe(text, None, bare["hash"])
    if len(plain.split()) > 1:  # no tag has a blank in its name
        report(first, text)
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
    """Parse GIT_STATUS: the branch of the main repository.

    Nothing else is kept. Not understood is a status that says neither on which branch it is nor
    that it is on none.
    """
    lines = [
        (number, line.removeprefix("# ")) for number, module, line in _lines(content) if not module
    ]
    for _, line in lines:
        if line.startswith(_BRANCH):
            return GitStatus(line.removeprefix(_BRANCH).strip() or None)
        if line.startswith(_NO_BRANCH):
            return GitStatus(None)
    for number, line in lines:
        if line.strip():
            report(number, line)
            break
    return GitStatus(None)


def parse_git_submodules(content: bytes, report: Report = ignore) -> Variables:
    """Parse GIT_SUBMODULE_STATUS: the commit of each submodule, and git's description of it.

    `+` before the commit means that the main repository records another one.
    """
    submodules: Variables = {}
    for number, module, line in _lines(content):
        is_first = number == 1 and not line.startswith((" ", "+", "-", "U"))
        match = _SUBMODULE_LINE.fullmatch(f" {line}" if is_first else line)
        if match is not None:
            description = f" ({match['describe']})" if match["describe"] else ""
            sign = match["sign"].strip()
            key = join_key("git_submodule_status", _join(module, match["path"]))
            submodules[key] = f"{sign}{match['commit']}{description}"
        elif line.strip() and line != _UNKNOWN:
            report(number, line)
    return submodules


def parse_git_log(content: bytes, report: Report = ignore) -> Variables:
    """Parse GIT_LOG: hash and subject of the last commits of the main repository."""
    commits: list[str] = []
    for number, module, line in _lines(content):
        text = line.strip()
        if module or not text:
            continue
        commits.append(masked_text(text))
        if _COMMIT_LINE.fullmatch(text) is None:
            report(number, text)
    return {join_key("git_log", "commits"): commits or None}


def parse_git_remote(content: bytes, report: Report = ignore) -> Variables:
    """Parse GIT_REMOTE: the URLs of the main repository's remotes, without credentials."""
    remotes: Variables = {}
    for number, module, line in _lines(content):
        match = _REMOTE_LINE.fullmatch(line.rstrip())
        if module:
            continue
        if match is None:
            if line.strip():
                report(number, line)
        elif match["use"] == "fetch" and match["url"]:
            key = join_key("git_remote", match["name"].strip())
            remotes[key] = public_url(match["url"].strip())
    return remotes


def parse_git_diff(content: bytes, report: Report = ignore) -> Variables:
    """Parse GIT_DIFF: the changed files and the SHA-256 of the diff; null for clean sources.

    The first 1000 files are listed. Not understood is text before the first file, and the header
    of a file without a name.
    """
    files: list[str] = []
    digest = hashlib.sha256()
    for number, module, line in _lines(content):
        path = _changed_path(line)
        if path is not None:
            files.append(_join(module, path))
        elif line.startswith(_DIFF) or (line.strip() and not files):
            report(number, line)
        if files:
            digest.update(f"{line}\n".encode())
    diff = {"files": files[:_MAX_FILES] or None, "sha256": digest.hexdigest() if files else None}
    return {join_key("git_diff", name): value for name, value in diff.items()}


def _changed_path(line: str) -> str | None:
    """Return the path of the file whose diff a line begins, or None for any other line.

    diff --git a/cime_config/x.xml b/cime_config/x.xml
    diff --git "a/caf\\303\\251.F90" "b/caf\\303\\251.F90"      special characters
    diff --git i/old.F90 w/new.F90                         with diff.mnemonicPrefix
    diff --cc x.F90                                        while a merge has conflicts
    * Unmerged path x.F90
    Submodule cime 1a2b3c4..5d6e7f8:                       with diff.submodule=log
    """
    if line.startswith(_UNMERGED):
        return _unquoted(line.removeprefix(_UNMERGED))
    if match := _DIFF_OF_MORE.fullmatch(line) or _SUBMODULE_LOG.fullmatch(line):
        return _unquoted(match["path"])
    if not line.startswith(_DIFF_OF_TWO):
        return None
    return _path_of_two(line.removeprefix(_DIFF_OF_TWO))


def _path_of_two(names: str) -> str | None:
    """Return the first of two names of a file, without its prefix; they may contain blanks."""
    if quoted := _QUOTED.match(names):
        return _unquoted(quoted[0])[2:]
    middle = len(names) // 2
    first, blank, second = names[:middle], names[middle : middle + 1], names[middle + 1 :]
    if blank == " " and first == second:  # with diff.noprefix
        return first
    if blank == " " and first[1:] == second[1:] and first[1:2] == "/":
        return first[2:]
    renamed = _PREFIXED.fullmatch(names)
    return None if renamed is None else renamed["path"]


def _unquoted(name: str) -> str:
    """Return a name as it is; git quotes those with special characters as C does."""
    quoted = _QUOTED.fullmatch(name)
    if quoted is None:
        return name
    text = quoted["text"].encode("utf-8", "surrogateescape")
    return _ESCAPED.sub(_unescaped, text).decode("utf-8", errors="replace")


def _unescaped(match: re.Match[bytes]) -> bytes:
    code: bytes = match[1]
    if len(code) == 3:
        return bytes([int(code, 8) & 0xFF])
    return _CONTROLS.get(code, code)


def _lines(content: bytes) -> Iterator[tuple[int, str, str]]:
    """Yield number and text of each line, and before that the submodule which it is about.

    The path of that is empty for the main repository.
    """
    module = ""
    for number, line in enumerate(text_lines(content), 1):
        entering = _ENTERING.fullmatch(line)
        if entering is not None:
            module = entering["path"]
        else:
            yield number, module, line


def _join(module: str, path: str) -> str:
    return f"{module}/{path}" if module else path


def parse_git_config(content: bytes, report: Report = ignore) -> GitConfig:
    """Parse GIT_CONFIG: the URL of the remote `origin`, or else of the first remote.

    Nothing else is kept. Not understood is what is no line of a configuration of git, and a remote
    with an empty URL.
    """
    urls: dict[str, str] = {}
    remote: str | None = None
    is_continued = False
    for number, raw in enumerate(text_lines(content), 1):
        line, was_continued = raw.strip(), is_continued
        is_continued = line.endswith("\\")
        if section := _CONFIG_SECTION.fullmatch(line):
            named = _REMOTE.match(line)
            remote, line = named["name"] if named else None, section["rest"]
        if not line or was_continued or line.startswith(_CONFIG_COMMENTS):
            continue
        name, _, value = (part.strip() for part in line.partition("="))
        is_url = remote is not None and name.lower() == "url"
        if remote is not None and is_url and value:
            urls.setdefault(remote, value)
        elif is_url or _CONFIG_NAME.fullmatch(line) is None:
            report(number, line)
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
