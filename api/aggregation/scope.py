"""What an expression can read where it stands, and what is found out about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from api.aggregation.errors import PipelineError
from api.aggregation.growth import NUMBERS, Copies

MOST_LOOPS = 2


@dataclass(frozen=True, slots=True)
class Checked:
    """An expression that is allowed, as it is to be run, and what its result holds."""

    value: Any
    copies: Copies = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Variable:
    """What a variable holds, and in how many loops it was bound."""

    copies: Copies
    loops: int


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables that an expression can read, and the loops that it is in.

    `rules` check the arguments of special operators; without them these would pass unchecked, so
    there is no default. Documents that are `gathered` hold lists of any length, such as `$push`
    makes.
    """

    rules: "Mapping[str, Rule]"
    variables: Mapping[str, Variable] = field(default_factory=dict)
    loops: int = 0
    gathered: bool = False

    @property
    def most_loops(self) -> int:
        """How deep loops can stand: what is done goes with that power of the length of lists."""
        return 1 if self.gathered else MOST_LOOPS

    def bind(self, variables: Mapping[str, Copies]) -> "Scope":
        """Return the scope with these variables in it as well."""
        bound = {
            name: Variable(
                copies, min((self._loops_of(part) for part in copies), default=self.loops)
            )
            for name, copies in variables.items()
        }
        return replace(self, variables={**self.variables, **bound})

    def enter_loop(self, place: str, *names: str) -> "Scope":
        """Return the scope inside one more loop, whose own variables these are."""
        if self.loops == self.most_loops:
            raise PipelineError(
                place,
                f"loops ($map, $filter, $reduce) can stand {MOST_LOOPS} deep, and 1 behind a stage"
                " that gathers lists; use $unwind.",
            )
        inner = replace(self, loops=self.loops + 1)
        return inner.bind({name: {inner.item(name): 1} for name in names})

    def item(self, name: str) -> str:
        """Return what stands in `Copies` for a variable of the innermost loop."""
        return f"$${name}@{self.loops}"

    def _loops_of(self, part: str) -> int:
        """Return in how many loops a part of a value was there: a field of the document in none."""
        if part == NUMBERS:
            return self.loops
        return int(part.rpartition("@")[2]) if part.startswith("$$") and "@" in part else 0

    def check_reading(self, place: str, bound_in: int = 0) -> None:
        """Refuse to read in the innermost loop what was there before the others.

        MongoDB does not look at the time until it is done with a document.
        """
        if self.loops and self.loops - bound_in >= self.most_loops:
            raise PipelineError(
                place,
                "inside a loop in a loop, and in any behind a stage that gathers lists, only the"
                " variables of the loops can be read; use $unwind before.",
            )


Rule = Callable[[Any, str, Scope], Checked]
"""Checks the arguments of one operator at a place in the pipeline; PipelineError when wrong."""
