"""Places in JSON, such as `spec.nodes[3].dependencies[0]`, and the error that names one."""

import json
import re

from models.errors import ParseError

_PLAIN_KEY = re.compile(r"[\w-]+", re.ASCII)
_MAX_SHOWN_KEY = 100  # characters


class JsonError(ParseError):
    """A document is not what it should be; `path` is the place in its JSON, "" the whole of it."""

    def __init__(self, reason: str, path: str, detail: str) -> None:
        super().__init__(reason, f"{path or 'the document'}: {detail}")
        self.path = path
        self.text = detail

    def __reduce__(self) -> tuple[type["JsonError"], tuple[str, str, str]]:  # type: ignore[override]
        return type(self), (self.reason, self.path, self.text)


def join_place(place: str, key: str) -> str:
    """Return the place of a key in the object at `place`; a very long key is shortened."""
    shown = key[:_MAX_SHOWN_KEY]
    if _PLAIN_KEY.fullmatch(shown) is None:
        shown = json.dumps(shown)
    return f"{place}.{shown}" if place else shown
