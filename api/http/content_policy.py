"""Content security policies of pages."""

import base64
import hashlib
import re

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_NOWHERE = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def page_policy(html: str) -> str:
    """Return the policy of a page with scripts: its own inline ones, by hash, and our files.

    Swagger UI writes style attributes, and its style sheet has images in it.
    """
    hashes = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in _INLINE_SCRIPT.findall(html)
    ]
    scripts = " ".join(["'self'", *(f"'sha256-{value}'" for value in hashes)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline';"
        f" img-src 'self' data:; connect-src 'self'; {_NOWHERE}"
    )
