"""Why a pipeline is refused."""

from collections.abc import Iterable

from api.errors import nearest
from models.errors import CaseledgerError

_SHOWN = 200


class PipelineError(CaseledgerError):
    """A pipeline holds what it may not: `place` is where, such as `pipeline[2].$group.total`."""

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(f"{place}: {detail}")
        self.place = place
        self.detail = detail


def not_allowed(place: str, kind: str, name: str, allowed: Iterable[str]) -> PipelineError:
    """Return the error that a name is not among those that are allowed, which it lists."""
    known = sorted(allowed)
    hint = nearest(name, known)
    return PipelineError(
        place,
        f"{name[:_SHOWN]!r} is not allowed as a {kind}{hint} Allowed are {', '.join(known)}.",
    )
