"""The URL prefix of the API."""

API_PREFIX = "/api/v1"
