"""Difference: a stored field that is not what it should be."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["derived", "lost", "identity", "unreadable", "outdated"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not what it should be; `document` is the `_id` of its document.

    Only the kind `derived` can be corrected. `lost` is data that was recorded and no longer exists,
    `identity` a case whose name, machine and user do not give its id, and `unreadable` a document
    that is not a valid case. `outdated` is no damage: an earlier version has read the files, and
    this one reads more of them. For these, `detail` says more.
    """

    collection: str
    document: str
    field: str
    kind: Kind = "derived"
    detail: str = ""
