"""Problem: the stored form of what could not be read, or not be kept whole."""

from models.base import Stored


class Problem(Stored):
    """A fault of one file, or of its contents.

    `reason` is one of a few stable words (`missing`, `truncated`, `not_xml`, …), `detail` a
    sentence for people. `not_understood` is no damage: the rest of the file was read.
    """

    file: str
    reason: str
    detail: str
