"""Shards: the parts of an archive that several importers share out among themselves."""

import re
import zlib
from dataclasses import dataclass

from ingest.cases.sources.base import case_directory
from models.errors import UsageError

_SHARD = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Shard:
    """The shard `number`, from 1, of `count`; all executions in one directory are in one shard."""

    number: int
    count: int

    def has(self, path: str) -> bool:
        """Tell whether the execution directory at `path` belongs to this shard.

        The two last parts of the path of its case decide, so that importers on machines that
        mount the archive in different places agree.
        """
        placed = "/".join(case_directory(path).replace("!", "/").split("/")[-2:])
        digest = zlib.crc32(placed.encode("utf-8", "surrogateescape"))
        return digest % self.count == self.number - 1


def parse_shard(text: str) -> Shard:
    """Read `i/n`, the first of four being `1/4`; UsageError when it is none."""
    match = _SHARD.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"{text}: a shard is i/n, from 1/n to n/n")
    return Shard(int(match[1]), int(match[2]))
