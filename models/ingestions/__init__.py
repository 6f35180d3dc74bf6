"""The record of each import."""
