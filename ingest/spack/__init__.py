"""What Spack writes about concrete specs, read: files in, documents or reasons out."""

from ingest.spack.buildcache import Blob, Fetch
from ingest.spack.documents import read
from ingest.spack.outcome import (
    Container,
    Outcome,
    Provenance,
    Rejected,
    Slot,
    SpecDocument,
    restore,
)
from ingest.spack.strict_json import Limits

__all__ = [
    "Blob",
    "Container",
    "Fetch",
    "Limits",
    "Outcome",
    "Provenance",
    "Rejected",
    "Slot",
    "SpecDocument",
    "read",
    "restore",
]
