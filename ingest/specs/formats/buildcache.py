"""Build caches: cleartext signatures of OpenPGP, and the manifests of layout 3.

In layouts 0 to 2 a build cache has spec documents with a checksum of the binary package beside the
spec, plain (`.spec.json`) or signed (`.spec.json.sig`). In layout 3 it has manifests, signed or
not, which name blobs by their checksums; the spec document, or the index, is in a blob.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ingest.archives.content import expand
from ingest.specs.limits import SpecLimits
from models.errors import ParseError
from models.spack.graph import JsonObject, SpecError

_BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "\n-----BEGIN PGP SIGNATURE-----"
_END = "-----END PGP SIGNATURE-----"
_SPEC_TYPE = re.compile(r"application/vnd\.spack\.spec\.v\d+\+json")
_INDEX_TYPE = re.compile(r"application/vnd\.spack\.db\.v\d+\+json")
_CHECKSUM = re.compile(r"[0-9a-f]{64}")

Fetch = Callable[["Blob"], bytes | None]
"""Returns the bytes of a blob, or None when they are not available."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob of a build cache; its checksum is the SHA-256 of the stored, compressed bytes."""

    media_type: str
    compression: str
    checksum: str
    size: int

    @property
    def path(self) -> str:
        """The path, relative to the directory of the build cache."""
        return f"blobs/sha256/{self.checksum[:2]}/{self.checksum}"

    @property
    def holds_specs(self) -> bool:
        """Whether it is a spec document or an index."""
        kinds = (_SPEC_TYPE, _INDEX_TYPE)
        return any(kind.fullmatch(self.media_type) is not None for kind in kinds)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of a manifest of layout 3."""

    version: int
    blobs: tuple[Blob, ...]


def is_signed(text: str) -> bool:
    """Return whether a text has a cleartext signature."""
    return text.lstrip().startswith(_BEGIN)


def signed_text(text: str) -> str:
    """Return the signed content; raise ParseError with the reason `bad_signature`.

    The signature is not checked, because that requires the keys of trusted signers.

        -----BEGIN PGP SIGNED MESSAGE-----
        Hash: SHA512                            headers, up to an empty line

        {"spec": …}                             the content; "- " before a dash is removed
        -----BEGIN PGP SIGNATURE-----
        …
        -----END PGP SIGNATURE-----
    """
    text = text.lstrip().replace("\r\n", "\n")
    head, blank, rest = text.partition("\n\n")
    body, mark, signature = rest.partition(_SIGNATURE)
    if not blank or not mark or _END not in signature:
        raise ParseError("bad_signature", "the text does not have the form of an OpenPGP signature")
    if any(": " not in line for line in head.split("\n")[1:]):
        raise ParseError("bad_signature", "a line above the text is not a header")
    if signature.partition(_END)[2].strip():
        raise ParseError("bad_signature", "something follows the signature")
    return "\n".join(line.removeprefix("- ") for line in body.split("\n"))


def is_manifest(value: Any) -> bool:
    """Return whether JSON is a manifest."""
    return isinstance(value, dict) and "version" in value and isinstance(value.get("data"), list)


def read_manifest(manifest: JsonObject, place: str) -> Manifest:
    """Return the content of a manifest; raise SpecError with the reason `wrong_type`."""
    version = manifest["version"]
    if isinstance(version, bool) or not isinstance(version, int):
        raise SpecError("wrong_type", f"{place}.version".lstrip("."), "not a number")
    blobs = tuple(
        _blob(data, f"{place}.data[{i}]".lstrip(".")) for i, data in enumerate(manifest["data"])
    )
    return Manifest(version, blobs)


def _blob(data: Any, place: str) -> Blob:
    fields = data if isinstance(data, dict) else {}
    texts = [fields.get(name) for name in ("mediaType", "compression", "checksum")]
    media_type, compression, checksum = (text if isinstance(text, str) else "" for text in texts)
    size = fields.get("contentLength")
    if not media_type or isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise SpecError("wrong_type", place, "a blob must have a media type and a length")
    if fields.get("checksumAlgorithm") != "sha256" or _CHECKSUM.fullmatch(checksum) is None:
        raise SpecError("wrong_type", place, "a blob must have a SHA-256 checksum")
    return Blob(media_type, compression, checksum, size)


def blob_content(blob: Blob, data: bytes, limits: SpecLimits) -> bytes:
    """Return the content of a blob; raise ParseError as `expand` does, or with `bad_checksum`."""
    if hashlib.sha256(data).hexdigest() != blob.checksum:
        raise ParseError("bad_checksum", f"the blob does not have the checksum {blob.checksum}")
    if blob.compression not in {"gzip", "none"}:
        raise ParseError(
            "bad_compression", f"the compression {blob.compression[:40]!r} is not known"
        )
    return expand(data, limits.size)
