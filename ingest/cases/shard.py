"""Shards: the parts of an archive, each imported by another importer."""

import re
import zlib
from dataclasses import dataclass

from ingest.cases.sources.base import case_directory
from models.errors import UsageError

_SHARD = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Shard:
    """The shard `number`, from 1, of `count`; the executions of a case directory share a shard."""

    number: int
    count: int

    def has(self, path: str) -> bool:
        """Return whether the execution directory at `path` belongs to this shard.

        Only the last two parts of the path of its case count, user and case, so that importers on
        machines with different mount points agree.
        """
        user_and_case = "/".join(case_directory(path).replace("!", "/").split("/")[-2:])
        digest = zlib.crc32(user_and_case.encode("utf-8", "surrogateescape"))
        return digest % self.count == self.number - 1


def parse_shard(text: str) -> Shard:
    """Parse `i/n`, such as `1/4` for the first of four; UsageError for any other text."""
    match = _SHARD.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"{text}: a shard is i/n, from 1/n to n/n")
    return Shard(int(match[1]), int(match[2]))
