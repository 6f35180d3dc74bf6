"""Made spec documents: readable, with right hashes, the same each time, sharing nodes."""

from ingest.sample.specs import SpecSampleOptions, sample_bytes, sample_documents
from ingest.specs.formats.detect import read
from models.specs.document import SpecDocument


def test_made_documents_are_read_and_every_hash_is_right() -> None:
    data = b"".join(sample_bytes(SpecSampleOptions(30)))
    found = list(read(data, "specs.ndjson"))
    assert len(found) == 30
    for each in found:
        assert isinstance(each, SpecDocument)
        assert all(found.is_verified for found in each.verifications.values())
        assert each.keys == each.graph.document_keys(each.root)


def test_the_same_seed_makes_the_same_documents() -> None:
    first, second = (list(sample_documents(SpecSampleOptions(5, seed=3))) for _ in range(2))
    assert first == second
    assert first != list(sample_documents(SpecSampleOptions(5, seed=4)))


def test_both_formats_are_made_and_documents_share_nodes() -> None:
    made = list(sample_documents(SpecSampleOptions(200)))
    assert {each["spec"]["_meta"]["version"] for each in made} == {4, 5}
    nodes = [node["hash"] for each in made for node in each["spec"]["nodes"]]
    assert len(nodes) > 3 * len(set(nodes))
