"""Rules that recognize errors and warnings of build tools in single lines of a build log.

Sources of the forms: CTest's build handler and Spack's copy of it (which messages count), and the
manuals of the compilers (how they print them). Remarks and notes are not warnings. Each rule
examines a bounded part of the line, so that the time for a line is proportional to its length.

A line is tested in stages, the cheapest first: `_WORDS` and `_HINTS` rule out most lines; `_RULES`
match the beginning of a line; the other patterns match anywhere in it.
"""

import re
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]
Kind = Literal[
    "compiler", "linker", "make", "ninja", "cmake", "configure", "spack", "python", "test", "tool"
]
Follow = Literal["", "indented", "place"]


class Finding(NamedTuple):
    """An error or a warning in one line; `follow` says which of the next lines belong to it.

    With `indented`, the indented lines do (messages of CMake, Cray and Spack); with `place`, the
    next line does when it names the source file and line.
    """

    severity: Severity
    kind: Kind
    file: str | None = None
    line: int | None = None
    column: int | None = None
    follow: Follow = ""


_WORDS = ("error", "warning")
_HINTS = (
    "***", "fail: ", "failed:", "fatal:", "fatal ", "-fatal-", "errors occurred", "errors while",
    "undefined ", "cannot ", "multipl", "duplicate symbol", "exception: ", "interrupt: ", "exit: ",
    "exit status", "exited with", " fault", "no such file", "permission denied", "not found",
    "no space left", "quota exceeded", "-s-", "-w-", "-f-", "-e-", ": caution", ": limit",
    ": internal", "dso missing", "relocation ", "not recognized", "can not be", "can't locate",
    "build stopped", '", line ', "core dumped", "severe (", "symbol(s)", "illegal instruction",
)  # fmt: skip
_NUMBER = r"[0-9]{1,9}"
_PLACE = (
    rf"(?P<file>(?:[A-Za-z]:[\\/])?[^\s:()\"'=;|<>][^:()\"|]{{0,999}}):(?P<line>{_NUMBER})"
    rf"(?:[:.](?P<column>{_NUMBER}))?(?:-[0-9.:]{{1,30}})?"
)
_WORD = (
    r"(?:(?:(?:[Ii]nternal )?[Cc]ompiler|[Cc]ommand line|[Ff]atal|FATAL|[Cc]atastrophic|[Ii]nternal"
    r"|[Ss]evere|LLVM) ){0,2}(?P<severity>[Ee]rror|ERROR|[Ww]arning|WARNING)"
)
_CODE = (
    r"(?:[ ]?(?:#[0-9]{1,6}(?:-[A-Z])?|[A-Z]{0,4}[0-9]{1,6}|\[[\w-]{1,40}\]|\([\w ]{1,40}\)))?"
    r"[ ]{0,4}:(?:\s|$)"
)


class _Rule(NamedTuple):
    """A pattern for the beginning of a line; its groups are severity and place, if it has them."""

    kind: Kind
    pattern: re.Pattern[str]
    follow: Follow = ""


def _rule(kind: Kind, pattern: str, follow: Follow = "") -> _Rule:
    return _Rule(kind, re.compile(pattern), follow)


_RULES = (
    _rule("compiler", rf"{_PLACE}: ?{_WORD}{_CODE}"),
    _rule("python", rf"{_PLACE}: (?P<severity>\w{{0,60}}Warning): "),
    _rule("make", rf"(?P<file>[^:\s]{{1,999}}):(?P<line>{_NUMBER}): \*\*\* "),
    _rule(
        "compiler",
        rf"(?P<file>[^()\"]{{1,999}})\((?P<line>{_NUMBER})(?:,(?P<column>{_NUMBER}))?\) ?: "
        rf"{_WORD}{_CODE}",
    ),
    _rule(
        "compiler",
        rf'"(?P<file>[^"]{{1,999}})", line (?P<line>{_NUMBER})(?:\.(?P<column>{_NUMBER}))?: '
        rf"(?:{_WORD}{_CODE}|[0-9]{{4}}-[0-9]{{3,4}} \((?P<letter>[SEUW])\) )",
    ),
    _rule(
        "compiler",
        rf"ptxas (?P<file>[^,]{{1,999}}), line (?P<line>{_NUMBER}); "
        r"(?P<severity>error|fatal|warning) {0,8}:",
    ),
    _rule("compiler", r"[A-Z][A-Z0-9+]{1,15}-(?P<letter>[SFEW])-[0-9]{4}-", "place"),
    _rule("compiler", r"(?:nv|pg)[a-z0-9+]{1,10}-(?P<severity>Error|Fatal|Warning)-"),
    _rule(
        "compiler",
        r"(?:ftn|CC|cc|craycc)-[0-9]{1,6} \S{1,100}: "
        r"(?P<severity>ERROR|LIMIT|INTERNAL|FATAL|WARNING|CAUTION)\b",
        "indented",
    ),
    _rule(
        "compiler",
        r"(?:nvlink|nvcc|ptxas|cudafe\+\+)\b.{0,300}?\b(?P<severity>error|fatal|warning) {0,8}: ",
    ),
    _rule(
        "make",
        r"(?:\S{1,200}/)?[a-z0-9-]{0,12}make(?:\[[0-9]{1,4}\])?: "
        r"(?:\*\*\* (?!Waiting for|Deleting )|Fatal error: )",
    ),
    _rule("make", r"\*\*\* (?:\[[^\]]{1,500}\] )?Error code [0-9]"),
    _rule("ninja", r"FAILED: (?!\S{1,200}::)"),
    _rule("ninja", r"ninja: (?P<severity>error|fatal|build stopped|warning)\b"),
    _rule("spack", r"==> (?:\[[^\]]{1,40}\] )?(?P<severity>Error|Warning): ", "indented"),
    _rule("spack", r"Command exited with status -?[0-9]", "indented"),
    _rule(
        "cmake",
        r"CMake (?:Internal |Deprecation )?(?P<severity>Error|Warning)\b(?: \([\w -]{1,20}\))?"
        rf"(?: (?:at|in) (?P<file>[^:()]{{1,999}})(?::(?P<line>{_NUMBER}))?)?",
        "indented",
    ),
    _rule("cmake", r"-- Configuring incomplete, errors occurred"),
    _rule(
        "python",
        r"(?:[A-Za-z_]\w{0,80}\.){0,10}[A-Z]\w{0,80}(?:Error|Exception|Interrupt|Exit): ",
        "indented",
    ),
    _rule(
        "test", r"FAIL: \S|FAILED: \S{1,200}::|The following tests FAILED:|Errors while running C"
    ),
    _rule("test", r"[0-9 ]{1,12}/[0-9 ]{1,12} Test +#[0-9]{1,9}: \S{1,500} ?[. ]{0,200}\*\*\*"),
    _rule("tool", r"FATAL: |Fatal: |\[(?P<severity>ERROR|WARNING|error|warning)\] "),
    _rule("tool", r"fatal: (?!not a git repository|[Nn]o (?:names|tags?)\b)"),
    _rule("tool", r"(?:Segmentation (?:fault|violation)|Bus error|Illegal instruction)\b"),
    _rule("tool", r"forrtl: (?:severe|error) \(|ERROR STOP\b|Can't locate \S{1,200} in @INC"),
)
_CONFIGURE = re.compile(
    r"(?:^|[ /])(?:configure|config\.status|autoreconf|aclocal|automake|autoconf|autom4te)"
    r"(?:\.\w{1,10})?: (?P<severity>error|ERROR|warning|WARNING): "
)
_LINKER = re.compile(
    r"(?:^|[:)] ?)\s{0,8}(?:undefined reference to |multiple definition of |multiply defined"
    r"|undefined symbol: |duplicate symbol: |cannot find -l|cannot find lib"
    r"|cannot open output file |relocation truncated to fit|file (?:format )?not recognized"
    r"|error adding symbols|final link failed|ld returned [0-9]{1,3} exit status"
    r"|library not found for -l|symbol\(s\) not found for |Undefined symbols for architecture )"
    r"|DSO missing from command line|can not be used when making an? "
)
_TOOL = re.compile(rf"(?:^(?:-- )?|: ){_WORD}{_CODE}")
_DUMPED = re.compile(
    r"\b(?:Segmentation fault|Bus error|Illegal instruction|Aborted|Killed) +\(core"
)
_CRAY_PLACE = re.compile(
    rf"\bFile = (?P<file>[^,]{{1,999}}), Line = (?P<line>{_NUMBER})"
    rf"(?:, Column = (?P<column>{_NUMBER}))?"
)
_NV_PLACE = re.compile(rf"\((?P<file>[^()]{{1,999}}?)(?:: (?P<line>{_NUMBER}))?\)")
_ARROW_PLACE = re.compile(rf"--> {_PLACE}$")
_GFORTRAN_PLACE = re.compile(
    rf"(?P<file>[^\s:()\"][^:()\"]{{0,999}}):(?P<line>{_NUMBER})[:.](?P<column>{_NUMBER}):"
)
_GFORTRAN_MESSAGE = re.compile(r"(?:Fatal |Internal )?(?:Error|Warning): ")
_IGNORED_ENDINGS = ("Clock skew detected", "modification time in the future")
_CALL_FAILED = (
    ": No such file or directory", ": Permission denied", ": command not found",
    ": No space left on device", ": Disk quota exceeded", ": Cannot allocate memory",
)  # fmt: skip
_LINKERS = re.compile(
    r"(?:^|/)(?:ld(?:\.\w{1,8})?|collect2|lld|gold|mold|ar|ranlib)(?:-[0-9.]{1,9})?: "
)
_COMPILERS = re.compile(
    r"(?:^|/)(?:[\w.]{1,30}-){0,5}(?:gcc|g\+\+|gfortran|cc1|cc1plus|f951|as|cpp|cc|c\+\+|clang"
    r"|clang\+\+|flang|flang-new|ifort|ifx|icc|icpc|icx|icpx|mpicc|mpicxx|mpif90|ftn|CC|nvcc|nvc"
    r"|nvc\+\+|nvfortran|rustc|lto1|lto-wrapper)(?:-[0-9.]{1,9})?: "
)
_ONLY_NUMBERS = re.compile(r"[-+0-9.eEdD\s%]*")


def find(text: str) -> Finding | None:
    """Return the error or warning in a `LogLine.text`; None for most lines."""
    lowered = text.lower()
    if not (
        any(hint in lowered for hint in _HINTS)
        or any(word in lowered and _is_separate(word, lowered) for word in _WORDS)
    ):
        return None
    bare = text.lstrip()
    finding = _by_rule(bare)
    if finding is not None or bare.startswith("==>"):
        return finding
    for search in (_configure, _linker, _tool, _failed_call):
        finding = search(bare)
        if finding is not None:
            return finding
    return None


def _is_separate(word: str, lowered: str) -> bool:
    """Return whether a word occurs other than in a path or an option such as `-Werror`."""
    start = lowered.find(word)
    while start >= 0:
        before, after = (
            lowered[max(0, start - 1) : start],
            lowered[start + len(word) : start + len(word) + 1],
        )
        is_part = before.isalnum() or before in {"-", "_", "/", "."}
        if after == ":" or (after == "-" and before == "-"):
            return True
        if not is_part and not (after.isalnum() or after in {".", "_", "-", "/"}):
            return True
        start = lowered.find(word, start + len(word))
    return False


def _by_rule(text: str) -> Finding | None:
    for rule in _RULES:
        match = rule.pattern.match(text)
        if match is None:
            continue
        if text.endswith(_IGNORED_ENDINGS):
            return None
        groups = match.groupdict()
        finding = Finding(
            _severity(groups.get("severity") or groups.get("letter") or ""),
            rule.kind,
            groups.get("file"),
            _number(groups.get("line")),
            _number(groups.get("column")),
            rule.follow,
        )
        return finding if finding.file else _with_inner_place(finding, text)
    return None


def _with_inner_place(finding: Finding, text: str) -> Finding:
    """Return the finding with the place that Cray and NVHPC compilers print after the code."""
    if finding.kind != "compiler":
        return finding
    match = _CRAY_PLACE.search(text)
    if match is None and finding.follow == "place":
        match = _NV_PLACE.fullmatch(text, max(0, text.rfind("(")))
    if match is None:
        return finding
    place = _place(match)
    return finding._replace(
        file=place.file, line=place.line, column=place.column,
        follow="indented" if finding.follow == "indented" else "",
    )  # fmt: skip


def _configure(text: str) -> Finding | None:
    match = _CONFIGURE.search(text)
    return match and Finding(_severity(match["severity"]), "configure")


def _linker(text: str) -> Finding | None:
    match = _LINKER.search(text)
    if match is None or ": warning:" in text:
        return None
    *_, file, line = ("", "", *text[: match.start()].rsplit(":", 2))
    if line.isascii() and line.isdigit() and len(line) < 10 and file.strip():
        return Finding("error", "linker", file.strip().rpartition(" ")[2], int(line))
    return Finding("error", "linker")


def _tool(text: str) -> Finding | None:
    match = _TOOL.search(text)
    if match is None or text.endswith(_IGNORED_ENDINGS):
        return None
    head = text[: match.start() + 2]
    rest = text[match.end() :]
    if "echo " in head or (rest and _ONLY_NUMBERS.fullmatch(rest)):
        return None
    kind: Kind = "tool"
    if _LINKERS.search(head) or "linker command failed" in rest:
        kind = "linker"
    elif _COMPILERS.search(head):
        kind = "compiler"
    return Finding(_severity(match["severity"]), kind, follow="" if match.start() else "place")


def _failed_call(text: str) -> Finding | None:
    is_shell = text.startswith(("/bin/sh: ", "sh: ")) and text.endswith(": not found")
    if text.endswith(_CALL_FAILED) or is_shell or _DUMPED.search(text):
        return Finding("error", "tool")
    return None


def _severity(word: str) -> Severity:
    is_warning = word == "W" or word.lower().endswith("warning") or word == "CAUTION"
    return "warning" if is_warning else "error"


def _number(digits: str | None) -> int | None:
    return None if digits is None else int(digits)


class SourceLine(NamedTuple):
    """A place in a source file."""

    file: str
    line: int | None
    column: int | None


def _place(match: re.Match[str]) -> SourceLine:
    groups = match.groupdict()
    return SourceLine(groups["file"], _number(groups["line"]), _number(groups.get("column")))


def place_before_message(text: str) -> SourceLine | None:
    """Return the place that gfortran prints in a line of its own, before the message."""
    if text.endswith(":") and text[-2:-1].isdigit():
        match = _GFORTRAN_PLACE.fullmatch(text)
        return None if match is None else _place(match)
    return None


def place_after_message(text: str) -> SourceLine | None:
    """Return the place that NVHPC and Rust print in the line after the message."""
    bare = text.strip()
    match = _NV_PLACE.fullmatch(bare) if bare.startswith("(") else _ARROW_PLACE.match(bare)
    return None if match is None else _place(match)


def is_gfortran_message(text: str) -> bool:
    """Return whether a line may be the message for a place from `place_before_message`."""
    return _GFORTRAN_MESSAGE.match(text) is not None
