"""Why a pipeline is refused."""

from collections.abc import Iterable

from api.http.errors import did_you_mean
from models.errors import CaseledgerError

_SHOWN = 100
_LONGEST_PLACE = 500


class PipelineError(CaseledgerError):
    """A pipeline holds what it may not: `place` is where, such as `pipeline[2].$group.total`."""

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(f"{place[:_LONGEST_PLACE]}: {detail}")
        self.place = place[:_LONGEST_PLACE]
        self.detail = detail


def not_allowed(place: str, kind: str, name: str, allowed: Iterable[str]) -> PipelineError:
    """Return the error that a name is not among those that are allowed, which it lists."""
    known = sorted(allowed)
    hint = did_you_mean(name, known)
    return PipelineError(
        place,
        f"{name[:_SHOWN]!r} is not allowed here as {kind}{hint} Allowed are {', '.join(known)}.",
    )
