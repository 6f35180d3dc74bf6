"""The error with which a pipeline is refused."""

from collections.abc import Iterable

from api.http.errors import did_you_mean
from models.errors import CaseledgerError

_MAX_NAME = 100  # characters of a client's name that a message repeats
_MAX_PLACE = 500  # characters


class PipelineError(CaseledgerError):
    """A pipeline contains something that is not allowed.

    `place` says where, such as `pipeline[2].$group.total`; `detail` is a sentence with a full stop.
    """

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(f"{place[:_MAX_PLACE]}: {detail}")
        self.place = place[:_MAX_PLACE]
        self.detail = detail


def not_allowed(place: str, kind: str, name: str, allowed: Iterable[str]) -> PipelineError:
    """Return the error for a name that is not on a list; it suggests a close name and lists all."""
    names = sorted(allowed)
    hint = did_you_mean(name, names)
    return PipelineError(
        place,
        f"{name[:_MAX_NAME]!r} is not an allowed {kind}{hint} Allowed are {', '.join(names)}.",
    )
