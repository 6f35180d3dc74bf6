"""What a check finds: a stored field that is not what it should be."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["derived", "lost", "identity", "unreadable"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not what it should be; `document` is its `_id`.

    Only what is `derived` can be mended. Of the others, `lost` is what was recorded and is not
    there any more, `identity` a case whose name, machine and user do not give its id, and
    `unreadable` one that is no valid case; `detail` says more.
    """

    collection: str
    document: str
    field: str
    kind: Kind = "derived"
    detail: str = ""
