"""Build caches: signed files, manifests, and the blobs that these name."""

import gzip
import json
from typing import Any

import pytest

from ingest.specs.formats.buildcache import Blob
from models.specs.document import SpecDocument
from tests.support.spec_documents import (
    clear_signed,
    database,
    diamond,
    document,
    documents,
    manifest,
    outcomes,
    packed,
    reasons,
    same,
)


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_a_signed_document_is_read_and_its_signature_noted(indent: int | None) -> None:
    given = document(diamond()) | {"binary_cache_checksum": {"hash_algorithm": "sha256"}}
    (found,) = documents(clear_signed(json.dumps(given, indent=indent)), "x.spec.json.sig")
    assert same(found.native, given)
    assert found.provenance.is_signed
    assert found.provenance.origin == "mirror"


def test_lines_that_begin_with_a_dash_are_escaped() -> None:
    text = json.dumps({"spec": [1, -2]}, indent=0)
    assert b"\n- -2\n" in clear_signed(text)
    assert reasons(clear_signed(text)) == [("wrong_type", "spec[0]")]


def test_line_ends_of_windows_are_read() -> None:
    data = clear_signed(json.dumps(document(diamond()), indent=0)).replace(b"\n", b"\r\n")
    assert len(documents(data)) == 1


SIGNED = clear_signed("{}")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(SIGNED[:-40], id="cut"),
        pytest.param(SIGNED.replace(b"\n\n", b"\n"), id="no blank line"),
        pytest.param(SIGNED + b"{}", id="something follows"),
        pytest.param(SIGNED.replace(b"Hash: ", b'{"spec":'), id="something above"),
        pytest.param(SIGNED.partition(b"\n-----BEGIN PGP SIG")[0], id="no signature"),
    ],
)
def test_a_damaged_signed_file_is_refused(data: bytes) -> None:
    assert reasons(data) == [("bad_signature", "")]


def test_a_gzipped_file_is_read() -> None:
    assert len(documents(gzip.compress(packed(document(diamond()))))) == 1


BLOB = gzip.compress(packed(document(diamond()) | {"buildcache_layout_version": 2}))


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_manifest_leads_to_its_document(is_signed: bool) -> None:
    text = json.dumps(manifest(BLOB), indent=0)
    asked: list[Blob] = []

    def fetch(blob: Blob) -> bytes:
        asked.append(blob)
        return BLOB

    data = clear_signed(text) if is_signed else text.encode()
    (found,) = documents(data, "a.spec.manifest.json", fetch=fetch)
    assert found.node.name == "app"
    assert found.provenance.is_signed == is_signed
    assert found.provenance.origin == "mirror"
    assert asked[0].path == f"blobs/sha256/{asked[0].checksum[:2]}/{asked[0].checksum}"


def test_a_manifest_leads_to_an_index() -> None:
    blob = packed(database([diamond()]))
    given = manifest(blob, "application/vnd.spack.db.v8+json")
    given["data"][0]["compression"] = "none"
    assert len(documents(given, fetch=lambda _: blob)) == 4


def changed(**fields: Any) -> dict[str, Any]:
    given = manifest(BLOB)
    given["data"][0] |= fields
    return given


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param(changed(mediaType="application/pgp-keys"), "no_spec", id="key"),
        pytest.param(changed(checksum="0" * 64), "bad_checksum", id="another blob"),
        pytest.param(changed(checksum="../../x"), "wrong_type", id="checksum"),
        pytest.param(changed(checksumAlgorithm="md5"), "wrong_type", id="algorithm"),
        pytest.param(changed(contentLength=-1), "wrong_type", id="length"),
        pytest.param(changed(compression="zip"), "bad_compression", id="compression"),
        pytest.param({"version": 3, "data": [7]}, "wrong_type", id="blob"),
        pytest.param({"version": "3", "data": []}, "wrong_type", id="version"),
        pytest.param({"version": 3, "data": []}, "no_spec", id="no blobs"),
    ],
)
def test_a_bad_manifest_is_refused(given: dict[str, Any], reason: str) -> None:
    assert [found for found, _ in reasons(given, fetch=lambda _: BLOB)] == [reason]


def test_a_manifest_without_its_blob_says_where_it_is() -> None:
    (found,) = outcomes(manifest(BLOB))
    assert not isinstance(found, SpecDocument)
    assert found.reason == "manifest"
    assert "blobs/sha256/" in found.detail
    assert reasons(manifest(BLOB), fetch=lambda _: None) == [("missing_blob", "")]


def test_a_blob_that_is_a_manifest_again_leads_nowhere() -> None:
    blob = gzip.compress(packed(manifest(BLOB)))
    assert reasons(manifest(blob), fetch=lambda _: blob) == [("manifest", "")]
