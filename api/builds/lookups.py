"""The lookup parameters of builds: packages in Spack's syntax, installed files, texts of events."""

import re

from api.filters.parse import search_words
from api.http.errors import bad_parameter, bad_value
from api.lists.lookups import Lookup, Query, separate_lookups
from api.specs.software_search import builds_matching
from models.builds.manifest import manifests_with
from models.database.client import Database

MAX_MANIFESTS = 10_000


async def _with_file(database: Database, parameter: str, path: str) -> Query:
    if path in ("", "*") or path.startswith("/"):
        raise bad_parameter(
            parameter, "A file must be given by its path below the prefix: lib/libz.a."
        )
    digests = await manifests_with(database, path=path, limit=MAX_MANIFESTS + 1)
    if len(digests) > MAX_MANIFESTS:
        raise bad_value(parameter, f"more than {MAX_MANIFESTS:,} manifests have a matching file")
    return {"manifest.digest": {"$in": digests}}


async def _with_event_text(_database: Database, parameter: str, text: str) -> Query:
    words = search_words(text, parameter).words
    return {"$and": [{"eventWords": {"$regex": f"^{re.escape(word)}"}} for word in words]}


BUILD_LOOKUPS = separate_lookups(
    {
        Lookup(
            "package",
            "Builds of matching specs, in Spack's syntax; variants and dependencies are known only"
            " for recorded specs.",
            "netcdf-c@4.4: %gcc",
        ): builds_matching,
        Lookup(
            "file",
            "Builds that installed this file, by its path below the prefix; with `*` at the end,"
            " all paths that begin with it.",
            "lib/libz.a",
        ): _with_file,
        Lookup(
            "eventText",
            "Words; each must begin a word of an error or warning, or of its source file.",
            "undefined reference",
        ): _with_event_text,
    }
)
