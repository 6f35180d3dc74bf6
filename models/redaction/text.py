"""Redaction of text: masks credentials in the values and files of an execution.

Every pattern takes time linear in the text: a match begins only at the start of a word, or has a
limited length, and possessive quantifiers prevent backtracking.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from models.redaction.names import is_clearly_credential_name, is_credential_name

MASK = "***"
_SHORT = 128
_MIN_TOKEN = 15
_KNOWN_FORM = re.compile(
    r"(?<![A-Za-z0-9])(?:gh[a-z]_[A-Za-z0-9]{20,}+|github_pat_\w{20,}+|glpat-[\w-]{20,}+"
    r"|hf_[A-Za-z0-9]{20,}+|npm_[A-Za-z0-9]{20,}+|pypi-[\w-]{16,}+|A[KS]IA[A-Z0-9]{16,}+"
    r"|AIza[\w-]{35,}+|[sr]k[-_](?=[\w-]{0,60}[0-9])[\w-]{20,}+|xox[a-z]-[\w-]{10,}+"
    r"|dckr_pat_[\w-]{20,}+|cl_[0-9a-f]{16}_[\w-]{43}+)"
)
_TOKEN_STARTS = (
    "_", "-", "AKIA", "ASIA", "AIza",
)  # fmt: skip
_WEB_TOKEN = re.compile(r"(?<![\w-])[\w-]{13,}+[.\u2024][\w-]{10,}+[.\u2024][\w-]{10,}+")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----END).)*+(?:-----END [A-Z0-9 ]{0,60}+(?:-----)?)?)",
    re.DOTALL,
)
_RUN = re.compile(r"\S++")
_HOST = re.compile(
    r"(?:(?:[\w-]++[.\u2024])++[A-Za-z]{2,24}+|[0-9]{1,3}(?:[.\u2024][0-9]{1,3}){3}|localhost)?+"
    r"(?=[/?#\"'\\,;|)]|$)"
)

_HINTS = (
    "pass", "pw", "pswd", "secret", "token", "key", "auth", "cred", "jwt", "bearer", "cookie",
    "_pat", "-pat", "sig", "-u", "-su", "user",
)  # fmt: skip
"""Lower-case text without any of these has nothing to mask except URLs and known forms."""

_NAME = re.compile(r"(?<![\w.-])(?P<dashes>[.-]*+)(?P<name>\w[\w.-]*+)")
_EQUALS = re.compile(r"""\\?["']?\]?[ \t]{0,8}+(?P<sign>[:+?]?={1,2}+>?|%3[Dd]|:)[ \t]{0,8}+""")
_BLANK = re.compile(r"""["']?(?:,\s{0,8}+|\s{1,8}+)""")
_OPTION = re.compile(r"--[a-z]")
_SETS = re.compile(
    r"""(?:(?:set|push|put)env|config|login\s\S{1,30}+)["'(\s]{1,8}+(?:--?\w{1,20}+\s){0,2}$""",
    re.IGNORECASE,
)
_SETS_REACH = 64
_MAY_SET = re.compile(r"env|config|login", re.IGNORECASE)
_BEARER = re.compile(r"""(?<!\w)(?P<kind>bearer\s{1,8}+)[^\s"',;]{3,}+""", re.IGNORECASE)
_USER = re.compile(
    r"""(?<!\S)["']?(?:-[sSkLfivgn]{0,6}[uU]|--(?:proxy-)?user)(?:[ \t]{1,8}+|=)?"""
    r"""(?P<quote>["']?)(?P<user>[^\s:"'/=]{0,64}+):(?!//)"""
)
_ID = re.compile(r"""(?<![\w-])--?id["']?[=\s]\s{0,8}+["']?(?P<name>\w[\w.-]*+)""")
_VAL = re.compile(r"""(?<![\w-])--?val(?:ue)?["']?[=\s]\s{0,8}+""")
_QUOTES = re.compile(r"""\\.|(?<!\w)'|'(?!\w)|\"""", re.DOTALL)

_GOES_ON = r"[,&;](?!\s|$|[\w.-]{1,64}+\s?=)"
_PARTS = rf"[^\s\"'\\,&;]|{_GOES_ON}"
_VALUES = {
    "": re.compile(
        rf"(?:\\\"(?:[^\"\\]|\\[^\"])*+\\\"|\"(?:[^\"\\]|\\.?)*+\"?|'[^']*+'?|\\.?|{_PARTS})++",
        re.DOTALL,
    ),
    '"': re.compile(
        rf"(?:'[^'\"]*+'?|\\\"(?:[^\"\\]|\\[^\"])*+\\\"|\\.?|{_PARTS})++",
        re.DOTALL,
    ),
    "'": re.compile(rf"(?:\"[^\"']*+\"?|\\|{_PARTS})++"),
}
"""The pattern of the value of a name, by the quote that is open around it, or empty."""

_UP_TO_QUOTE = {
    '"': re.compile(r"(?:[^\"\\]|\\.?)*+", re.DOTALL),
    "'": re.compile(r"[^']*+"),
    "": re.compile(r"[^\n]*+"),
}
_NO_SECRETS = frozenset({"", "true", "false", ".true.", ".false.", "none", "null", MASK})
_HEADERS = ("authorization", "cookie")
_QUERY_NAMES = frozenset({"sig", "signature", "x-amz-signature", "x-goog-signature"})


def without_secrets(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables with credentials masked, by the names of variables and in their text.

    A variable whose name itself contains a credential is left out.
    """
    return {
        key: without_secret(key, value)
        for key, value in variables.items()
        if not _has_credential(key)
    }


def without_secret(key: str, value: Any) -> Any:
    """Return the value of a variable with credentials masked."""
    return MASK if _is_secret(key, value) else _masked(value)


def masked_text(text: str) -> str:
    """Return the text with its credentials masked.

    before the host in URLs       https://***@host/
    tokens of well-known forms    ghp_…, glpat-…, private keys, web tokens
    values of secret names        API_KEY=***, --password ***, Authorization: ***, ?sig=***
    """
    return _masked_text(text) if len(text) > _SHORT else _masked_short_text(text)


def _masked_text(text: str) -> str:
    if "://" in text:
        text = _RUN.sub(_masked_run, text)
    lowered = text.lower()
    for hint in _HINTS:
        if hint in lowered:
            text = _masked_values(text)
            break
    return _masked_tokens(text) if len(text) >= _MIN_TOKEN else text


_masked_short_text = lru_cache(maxsize=32768)(_masked_text)
"""Short texts are cached, because the same ones are in the files of every execution."""


def _is_secret(key: str, value: Any) -> bool:
    has_content = value is not None and value != "" and not isinstance(value, bool)
    return has_content and _is_secret_key(key)


def _is_secret_key(key: str) -> bool:
    return _has_secret_part(key) if len(key) > _SHORT else _short_is_secret_key(key)


def _has_secret_part(key: str) -> bool:
    """Return whether a part of a delta key, other than its file, is the name of a credential."""
    file, _, name = key.partition(".")
    return any(is_credential_name(part) for part in (name or file).split("."))


_short_is_secret_key = lru_cache(maxsize=65536)(_has_secret_part)


def _has_credential(key: str) -> bool:
    return masked_text(key) != key if len(key) > _SHORT else _short_key_has_credential(key)


@lru_cache(maxsize=65536)
def _short_key_has_credential(key: str) -> bool:
    return masked_text(key) != key


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value


def _masked_tokens(text: str) -> str:
    for start in _TOKEN_STARTS:
        if start in text:
            text = _KNOWN_FORM.sub(MASK, text)
            break
    if "eyJ" in text:
        text = _WEB_TOKEN.sub(lambda match: MASK if "eyJ" in match[0] else match[0], text)
    return _PRIVATE_KEY.sub(MASK, text) if "-----BEGIN " in text else text


def _masked_run(match: re.Match[str]) -> str:
    """Return a run of non-blank text with the credentials in its URLs masked."""
    run = match[0]
    if "://" not in run or "@" not in run:
        return run
    *pieces, last = run.split("://")
    masked = [_masked_authority(last, is_followed=False)]
    is_followed = "@" in last
    for piece in reversed(pieces[1:]):
        masked.append(_masked_authority(piece, is_followed))
        is_followed = is_followed or "@" in piece
    return "://".join([pieces[0], *reversed(masked)])


def _masked_authority(piece: str, is_followed: bool) -> str:
    """Return the text after a `://`, masked up to its last `@` unless it begins with a plain host.

    Credentials are often not escaped as they should be: they may contain `/`, `@` and even `://`,
    so that the `@` may be only in one of the next pieces: then `is_followed`.
    """
    at = piece.rfind("@")
    if (at < 0 and not is_followed) or _HOST.match(piece) is not None:
        return piece
    return f"{MASK}{piece[at:]}" if at >= 0 else MASK


def _masked_values(text: str) -> str:
    """Return the text with the values of secret names masked."""
    text = _mask_spans(text, _user_passwords(text))
    text = _mask_spans(text, _named_values(text))
    if any(is_credential_name(match["name"]) for match in _ID.finditer(text)):
        text = _mask_spans(text, _changed_values(text))
    return _BEARER.sub(rf"\g<kind>{MASK}", text)


def _mask_spans(text: str, spans: Iterator[tuple[int, int]]) -> str:
    """Return the text with these spans masked; quotes around them are kept.

    Spans without a secret, such as `none` or `true`, stay unchanged.
    """
    parts: list[str] = []
    done = 0
    for start, end in spans:
        value = text[start:end]
        if value.strip("\"'").lower() not in _NO_SECRETS:
            is_quoted = len(value) > 1 and value[0] in "\"'" and value[0] == value[-1]
            quote = value[0] if is_quoted else ""
            parts += (text[done:start], quote, MASK, quote)
            done = end
    return "".join([*parts, text[done:]]) if parts else text


def _user_passwords(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of the passwords in `-u user:password`."""
    for match in _USER.finditer(text):
        quote = match["quote"]
        value = (_UP_TO_QUOTE[quote] if quote else _VALUES[""]).match(text, match.end())
        is_number = value is not None and value[0].isdigit() and match["user"].isdigit()
        if value is not None and not is_number:
            yield value.span()


def _changed_values(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of the values in `--val value`, which belong to an `--id NAME`."""
    for match in _VAL.finditer(text):
        value = _VALUES[""].match(text, match.end())
        if value is not None:
            yield value.span()


def _named_values(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of the values of secret names."""
    quote, counted, position = "", 0, 0  # `quote` is the one that is open at `counted`
    may_set = _MAY_SET.search(text) is not None
    while (match := _NAME.search(text, position)) is not None:
        position = match.end()
        start = _value_start(text, match, may_set)
        if start is None:
            continue
        before = _open_quote(text, counted, match.start(), quote)
        quote, counted = _open_quote(text, match.start(), start, before), start
        is_opened = bool(quote) and quote == before and text[match.start() - 1] == quote
        is_header = match["name"].lower().endswith(_HEADERS)
        is_whole = is_opened or (is_header and text[start : start + 1] not in {'"', "'"})
        value = (_UP_TO_QUOTE if is_whole else _VALUES)[quote].match(text, start)
        if value is not None and value.end() > start:
            yield value.span()
            position = value.end()


def _value_start(text: str, match: re.Match[str], may_set: bool) -> int | None:
    """Return where the value of a name begins, None when it has no value or is not secret.

    `may_set` says whether the text may contain a command that sets a variable, such as `setenv`.
    """
    name, end = match["name"], match.end()
    is_query = text[match.start() - 1 : match.start()] in {"?", "&"}
    if not is_credential_name(name) and not (is_query and name.lower() in _QUERY_NAMES):
        return None
    equals = _EQUALS.match(text, end)
    if equals is not None:
        # A colon has many other uses, so the name must be a clear one.
        is_assignment = equals["sign"] != ":" or (
            is_clearly_credential_name(name.rpartition(".")[2])
            and not text.startswith((":", "//"), equals.end())
        )
        return equals.end() if is_assignment else None
    blank = _BLANK.match(text, end)
    if blank is None or _OPTION.match(text, blank.end()):
        return None
    is_set = "-" in match["dashes"] or (may_set and _is_set(text, match.start()))
    return blank.end() if is_set else None


def _is_set(text: str, start: int) -> bool:
    """Return whether a command that sets a variable is just before `start`."""
    return _SETS.search(text[max(0, start - _SETS_REACH) : start]) is not None


def _open_quote(text: str, start: int, end: int, quote: str) -> str:
    """Return the quote that is open at `end`, or empty, when `quote` is open at `start`."""
    for match in _QUOTES.finditer(text, start, end):
        mark = match[0]
        if not quote and len(mark) == 1:
            quote = mark
        elif mark == quote:
            quote = ""
    return quote
