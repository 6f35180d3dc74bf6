"""Samples, and their sizes."""

from ingest.sample.specs import SpecSampleOptions, sample_documents

DEMO_CASES = 12
"""As many as `caseledger demo` makes."""

MADE_SPECS = list(sample_documents(SpecSampleOptions(20, seed=3)))
