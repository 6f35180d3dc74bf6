"""Spack versions: their order, and constraints on them as intervals of sort keys.

A version consists of a release, which is a list of numbers and words, and optionally a pre-release
(`-rc2`). Separators do not count: `1.2-3`, `1.2.3` and `1.2_3` are the same version, and so are
`1.2b` and `1.2.b`. The order of versions:

    1.2-rc1 < 1.2 < 1.2.0               a pre-release comes before its release
    1.2.post < 1.2.0 < 1.2.develop      words before numbers before `INFINITY`
    1.2 < git.<ref>=1.2 < 1.2.0         a git version comes right after its assigned version
    develop < git.<ref>                 one without an assigned version is like develop

The key of a version is a text; keys sort, character by character, in the order of versions.
`1.12.3-rc2` has the key `a1.b12.a3!rc_a2`. The parts of a key:

    a1 b12 c100     a number, preceded by a letter for the number of its digits
    _post           a word
    ~6develop       a word of `INFINITY`, preceded by its rank
    - !rc !rc_a2    the end: a final release, a pre-release, a pre-release with a number
    @main           after the end: the git ref to which the version is assigned

Source of the rules: lib/spack/spack/version/ in Spack 1.x.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from models.errors import CaseledgerError

INFINITY = ("stable", "nightly", "trunk", "head", "master", "main", "develop")
MAX_LENGTH = 1024
MAX_ITEMS = 100

_RANK = {word: rank for rank, word in enumerate((*INFINITY, ""))}
_STANDARD = re.compile(r"[A-Za-z0-9_.-]+")
_SEGMENT = re.compile(r"([0-9]+)|([A-Za-z]+)")
_COMMIT = re.compile(r"[0-9A-Fa-f]{40}")
_REF = re.compile(r"[^\x00-\x20=,:@\x7f\ud800-\udfff]+")
_FINAL = "final"
_ENDS = {"alpha": "!alpha", "beta": "!beta", "rc": "!rc", _FINAL: "-"}
_UNASSIGNED = "develop"
_MAX_COUNTED = 25

Release = tuple[int | str, ...]


class VersionError(CaseledgerError):
    """A text is not a version or a constraint; `position` is the column of the error, from 0."""

    def __init__(self, detail: str, position: int = 0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.position = position

    def __reduce__(self) -> tuple[type["VersionError"], tuple[str, int]]:
        return type(self), (self.detail, self.position)


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A concrete version; compared by its key, so that separators do not count.

    `stage` is alpha, beta, rc or final, `number` the number after it. `ref` is the branch, tag or
    commit of a git version; the release of a git version without an assigned version is empty.
    """

    key: str
    text: str = field(compare=False)
    release: Release = field(compare=False)
    stage: str = field(compare=False, default=_FINAL)
    number: int | None = field(compare=False, default=None)
    ref: str | None = field(compare=False, default=None)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class KeyInterval:
    """The keys from `low` up to, but without, `high` that end in `suffix`; None means no end.

    Only a constraint on a git ref of any version has a suffix: the keys of a ref are not adjacent,
    but all of them end in `@<ref>`.
    """

    low: str
    high: str | None
    suffix: str = ""

    def contains(self, key: str) -> bool:
        """Return whether a key is in the interval."""
        is_below = self.high is None or key < self.high
        return self.low <= key and is_below and key.endswith(self.suffix)


@dataclass(frozen=True, slots=True)
class VersionConstraint:
    """A constraint after `@`: `1.2:1.4`, `:1.2.12`, `1.2:`, `1.2`, `=1.2`, `git.main`, or a list.

    A version satisfies it when its key is in one of the `intervals`. These are sorted and disjoint,
    except that those with a suffix may overlap others.
    """

    text: str
    intervals: tuple[KeyInterval, ...] = field(compare=False)

    def is_satisfied_by(self, version: Version) -> bool:
        """Return whether a concrete version satisfies the constraint."""
        return any(interval.contains(version.key) for interval in self.intervals)

    def __str__(self) -> str:
        return self.text


def version_key(text: str) -> str:
    """Return the key of a concrete version: keys sort, byte by byte, in the order of versions."""
    return parse_version(text).key


@lru_cache(maxsize=65536)
def stored_version_key(text: str | None) -> str | None:
    """Return the key of a version; None when it is unknown or not a version to Spack."""
    try:
        return version_key(text) if text else None
    except VersionError:
        return None


def parse_version(text: str) -> Version:
    """Return the concrete version that a text denotes, or raise VersionError."""
    if len(text) > MAX_LENGTH:
        raise VersionError(f"a version has at most {MAX_LENGTH} characters", MAX_LENGTH)
    return _parse_git(text) if _is_git(text) else _parse_standard(text)


def _is_git(text: str) -> bool:
    return text.startswith("git.") or bool(_COMMIT.fullmatch(text)) or "=" in text[1:]


def _parse_git(text: str) -> Version:
    ref, _, assigned = text.removeprefix("git.").partition("=")
    _check_ref(ref, text)
    version = _parse_standard(assigned if "=" in text else _UNASSIGNED)
    key = f"{version.key}@{ref}"
    return Version(key, text, version.release, version.stage, version.number, ref)


def _check_ref(ref: str, text: str) -> None:
    if _REF.fullmatch(ref) is None:
        raise VersionError(f"{text!r} does not name a git ref that can be stored")


def _parse_standard(text: str) -> Version:
    if _STANDARD.fullmatch(text) is None:
        raise VersionError(f"{text!r} is not a version")
    parts: list[int | str] = [
        int(digits) if digits else word for digits, word in _SEGMENT.findall(text)
    ]
    stage, number, last = _FINAL, None, parts[-1] if parts else ""
    if len(parts) > 2 and parts[-2] in _ENDS and isinstance(last, int):
        stage, number = str(parts[-2]), last
        del parts[-2:]
    elif len(parts) > 1 and last in _ENDS:
        stage = str(parts.pop())
    release = tuple(parts)
    return Version(_key(release, stage, number), text, release, stage, number)


def _key(release: Release, stage: str, number: int | None) -> str:
    key = ".".join(map(_component_key, release)) + _ENDS[stage]
    return key if number is None else f"{key}_{_component_key(number)}"


def _component_key(component: int | str) -> str:
    if isinstance(component, int):
        digits = str(component)
        if len(digits) <= _MAX_COUNTED:
            return f"{chr(ord('a') + len(digits) - 1)}{digits}"
        return f"z{len(digits):04}{digits}"
    rank = _RANK.get(component)
    return f"_{component}" if rank is None else f"~{rank}{component}"


def parse_constraint(text: str) -> VersionConstraint:
    """Return the constraint that a text, written as after an `@`, denotes, or raise VersionError.

    As in Spack, `1.2` means `1.2:1.2`, and the end of a range includes all versions that it is a
    prefix of: 1.2.11 satisfies `1.2` and `:1.2`. A range extends up to the next release, and
    therefore includes its pre-releases: 1.3-rc1 satisfies `1.2`, but 1.2-rc1 does not. A git
    version satisfies the ranges that its assigned version satisfies, but never `=1.2`.
    """
    items = text.split(",")
    if len(items) > MAX_ITEMS:
        raise VersionError(f"a list holds at most {MAX_ITEMS} versions", len(text))
    intervals: list[KeyInterval] = []
    position = 0
    for item in items:
        try:
            intervals.extend(_item_intervals(item.strip()))
        except VersionError as error:
            start = position + len(item) - len(item.lstrip())
            raise VersionError(error.detail, start) from None
        position += len(item) + 1
    normal = ",".join(item.strip() for item in items)
    return VersionConstraint(normal, tuple(_disjoint(intervals)))


def _item_intervals(item: str) -> Iterator[KeyInterval]:
    exact = item.removeprefix("=")
    if len(item) > MAX_LENGTH:
        raise VersionError(f"a version has at most {MAX_LENGTH} characters")
    if _is_git(exact):
        yield from _git_intervals(exact)
    elif exact != item:
        yield _only(_parse_standard(exact).key)
    else:
        yield KeyInterval(*_range(item))


def _git_intervals(item: str) -> Iterator[KeyInterval]:
    ref, _, assigned = item.removeprefix("git.").partition("=")
    _check_ref(ref, item)
    if "=" in item and ":" not in assigned:
        yield _only(_parse_git(item).key)
    else:
        yield KeyInterval(*_range(assigned or ":"), f"@{ref}")


def _only(key: str) -> KeyInterval:
    """Return the interval of one key; a blank sorts before all characters that can follow a key."""
    return KeyInterval(key, f"{key} ")


def _range(text: str) -> tuple[str, str | None]:
    """Return the first key in a range and the first key after it, None without an end."""
    first, separator, last = text.partition(":")
    last = last if separator else first
    low = _parse_standard(first).key if first or not separator else ""
    if last:
        high = _key_after(_parse_standard(last))
        if high <= low:
            raise VersionError(f"the range {text!r} is empty")
        return low, high
    return low, None


def _key_after(version: Version) -> str:
    """Return the first key after all versions that `version` is a prefix of."""
    release, number = version.release, version.number
    if version.stage != _FINAL:
        number = 0 if number is None else number + 1
    elif not release:
        release = ("A",)
    else:
        release = (*release[:-1], _next_component(release[-1]))
    return _key(release, version.stage, number)


def _next_component(component: int | str) -> int | str:
    if isinstance(component, int):
        return component + 1
    if component in _RANK:
        return (*INFINITY, "")[_RANK[component] + 1]
    word = _next_word(component)
    return word if word not in _RANK else _next_word(word)


def _next_word(word: str) -> str:
    """Return the next word as Spack does: it advances the last letter, and appends `A` to a `z`."""
    if word.endswith("z"):
        return f"{word}A"
    return word[:-1] + ("a" if word.endswith("Z") else chr(ord(word[-1]) + 1))


def intersect(one: VersionConstraint, other: VersionConstraint) -> VersionConstraint:
    """Return what satisfies both constraints; without intervals when nothing can.

    Its text is for people: a list in Spack's syntax cannot say "and".
    """
    both = (_intersection(a, b) for a in one.intervals for b in other.intervals)
    intervals = _disjoint(interval for interval in both if interval is not None)
    return VersionConstraint(f"{one} and {other}", tuple(intervals))


def _intersection(one: KeyInterval, other: KeyInterval) -> KeyInterval | None:
    low = max(one.low, other.low)
    high = min(filter(None, (one.high, other.high)), default=None)
    is_empty = high is not None and high <= low
    if is_empty or (one.suffix and other.suffix and one.suffix != other.suffix):
        return None
    return KeyInterval(low, high, one.suffix or other.suffix)


def _disjoint(intervals: Iterable[KeyInterval]) -> list[KeyInterval]:
    """Return the union of intervals as the fewest sorted intervals, disjoint for each suffix."""
    union: list[KeyInterval] = []
    for interval in sorted(intervals, key=lambda interval: (interval.suffix, interval.low)):
        last = union[-1] if union else None
        if last is None or last.suffix != interval.suffix or _is_apart(last, interval):
            union.append(interval)
        elif last.high is not None and (interval.high is None or interval.high > last.high):
            union[-1] = KeyInterval(last.low, interval.high, last.suffix)
    return union


def _is_apart(left: KeyInterval, right: KeyInterval) -> bool:
    return left.high is not None and left.high < right.low
