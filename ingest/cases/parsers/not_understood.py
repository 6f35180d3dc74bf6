"""What a parser does not understand in a file is reported, never dropped in silence.

Each parser takes a function that it calls with every such line:

    parse_git_submodules(content, unknown.add)   ->   line 3: `garbage`, and 2 others
"""

from collections.abc import Callable
from dataclasses import dataclass

Report = Callable[[int, str], None]
"""Takes the number of a line, from 1, and the text that is not understood or a sentence about it.

The number is 0 when the line is not known.
"""

REASON = "not_understood"
_MAX_TEXT = 200


def ignore(_line: int, _text: str) -> None:
    """Report to nobody."""


@dataclass(slots=True)
class NotUnderstood:
    """How many places of a file are not understood, and the first of them."""

    count: int = 0
    line: int = 0
    text: str = ""

    def add(self, line: int, text: str) -> None:
        """Count a place; see `Report`."""
        if not self.count:
            self.line, self.text = line, text[:_MAX_TEXT]
        self.count += 1

    @property
    def detail(self) -> str:
        """A sentence that names the first place and counts the others."""
        place = f"line {self.line}: " if self.line else ""
        others = f" (and {self.count - 1} more)" if self.count > 1 else ""
        return f"not understood: {place}{self.text}{others}"
