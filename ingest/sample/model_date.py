"""Dates of the NO_LEAP model calendar, in which years 0 and 1 are years like any other."""

from typing import NamedTuple

_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_YEAR = sum(_LENGTHS)


class ModelDate(NamedTuple):
    """A day of a calendar without leap years."""

    year: int
    month: int
    day: int

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}-{self.day:02d}"

    @property
    def compact(self) -> str:
        """The date as yyyymmdd."""
        return f"{self.year:04d}{self.month:02d}{self.day:02d}"

    @property
    def ordinal(self) -> int:
        """Days since the start of year 0."""
        return self.year * _YEAR + sum(_LENGTHS[: self.month - 1]) + self.day - 1

    @classmethod
    def parse(cls, text: str) -> "ModelDate":
        """Return the date that is written as `yyyy-mm-dd`."""
        year, month, day = text.split("-")
        return cls(int(year), int(month), int(day))

    @classmethod
    def from_ordinal(cls, ordinal: int) -> "ModelDate":
        """Return the date that is `ordinal` days after the start of year 0."""
        year, day = divmod(ordinal, _YEAR)
        for month, length in enumerate(_LENGTHS, start=1):
            if day < length:
                return cls(year, month, day + 1)
            day -= length
        raise AssertionError(ordinal)

    def advance(self, option: str, count: int) -> "ModelDate":
        """Return the date after `count` units of a STOP_OPTION: ndays, nmonths or nyears."""
        if option == "ndays":
            return ModelDate.from_ordinal(self.ordinal + count)
        months = count * (12 if option == "nyears" else 1)
        years, month = divmod(self.month - 1 + months, 12)
        return ModelDate(self.year + years, month + 1, min(self.day, _LENGTHS[month]))
