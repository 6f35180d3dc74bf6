"""Problem: what could not be read or not be kept whole, as it is stored."""

from models.base import Stored


class Problem(Stored):
    """What is wrong with one file, or with what it says.

    `reason` is one of a few stable words (`missing`, `truncated`, `not_xml`, …), `detail` a
    sentence for people.
    """

    file: str
    reason: str
    detail: str
