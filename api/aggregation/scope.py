"""What an expression can read at its place in a pipeline, and the result of its check."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from api.aggregation.errors import PipelineError
from api.aggregation.growth import NUMBERS, Copies
from api.aggregation.work import MAX_UNITS, NO_WORK, Work

_VARIABLE = re.compile(r"[a-z][A-Za-z0-9_]{0,100}", re.ASCII)

MAX_LOOPS = 2
"""How deeply loops can be nested."""


@dataclass(frozen=True, slots=True)
class CheckedExpression:
    """An allowed expression in the form to run, and what is known of it before it runs.

    `copies` are the copies of fields that its result holds, `work` is that of one evaluation, and
    `size` about the size of the result.
    """

    value: Any
    copies: Copies = field(default_factory=dict)
    work: Work = NO_WORK
    size: Work = NO_WORK


@dataclass(frozen=True, slots=True)
class Variable:
    """What a variable holds, and how many loops are around the place where its value comes from."""

    copies: Copies
    loops: int


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables that an expression can read, and the number of loops around it.

    `rules` check the arguments of special operators. Without them these would pass unchecked, so
    there is no default. `gathered` means that documents hold lists of any length, such as those
    that `$push` makes. The loops around run `rounds` times altogether: factors, which are numbers
    or expressions. A loop may make `share` units of work within one document.
    """

    rules: "Mapping[str, Rule]"
    variables: Mapping[str, Variable] = field(default_factory=dict)
    loops: int = 0
    gathered: bool = False
    rounds: tuple[Any, ...] = ()
    share: float = MAX_UNITS

    @property
    def max_loops(self) -> int:
        """How deeply loops can be nested: the work is that power of the length of the lists."""
        return 1 if self.gathered else MAX_LOOPS

    def bind(self, variables: Mapping[str, Copies]) -> "Scope":
        """Return the scope with these variables added."""
        bound = {
            name: Variable(
                copies, min((self._loops_of(part) for part in copies), default=self.loops)
            )
            for name, copies in variables.items()
        }
        return replace(self, variables={**self.variables, **bound})

    def enter_loop(self, place: str, rounds: Any, *names: str) -> "Scope":
        """Return the scope inside one more loop of this many rounds, which binds the variables."""
        if self.loops == self.max_loops:
            raise PipelineError(
                place,
                f"loops ($map, $filter, $reduce) can be nested {MAX_LOOPS} deep, and only 1 deep"
                " after a stage that gathers lists; use $unwind.",
            )
        inner = replace(self, loops=self.loops + 1, rounds=(*self.rounds, rounds))
        return inner.bind({name: {inner.item(name): 1} for name in names})

    def item(self, name: str) -> str:
        """Return the key in `Copies` of a variable of the innermost loop."""
        return f"$${name}@{self.loops}"

    def _loops_of(self, part: str) -> int:
        """Return the number of loops around the origin of a part: 0 for a field of the document."""
        if part == NUMBERS:
            return self.loops
        return int(part.rpartition("@")[2]) if part.startswith("$$") and "@" in part else 0

    def check_reading(self, place: str, bound_in: int = 0) -> None:
        """Refuse to read, in the innermost loop, a value from outside too many loops.

        MongoDB does not check the time limit before it has finished a document.
        """
        if self.loops and self.loops - bound_in >= self.max_loops:
            raise PipelineError(
                place,
                "inside a loop within a loop, and inside any loop after a stage that gathers lists,"
                " only the variables of the loops can be read; use $unwind before.",
            )


Rule = Callable[[Any, str, Scope], CheckedExpression]
"""Returns the expression of one operator with its arguments, at a place in the pipeline.

PipelineError when the arguments are wrong.
"""


def check_variable_name(name: Any, place: str) -> None:
    """Refuse a name that a variable of a client cannot have."""
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        raise PipelineError(
            place, "the name of a variable is a lower-case letter, then letters, digits and _."
        )
