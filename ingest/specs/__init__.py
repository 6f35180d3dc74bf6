"""What Spack writes about concrete specs, read: files in, documents or reasons out."""

from ingest.specs.formats.buildcache import Blob, Fetch
from ingest.specs.formats.detect import read
from ingest.specs.formats.strict_json import Limits
from ingest.specs.outcome import Outcome, Rejected, restore
from models.specs.document import Container, Provenance, Slot, SpecDocument

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
