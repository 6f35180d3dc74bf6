"""Specs: found in files of Spack, read, and handed on to be stored."""
