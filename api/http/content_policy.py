"""Content security policies."""

import base64
import hashlib
import re

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
NO_EMBEDDING = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def page_policy(html: str) -> str:
    """Return the policy of a page that runs its own inline scripts, by hash, and scripts we serve.

    Swagger UI needs inline styles, because it sets style attributes, and `data:` URLs of images,
    because its style sheet contains some.
    """
    hashes = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in _INLINE_SCRIPT.findall(html)
    ]
    scripts = " ".join(["'self'", *(f"'sha256-{value}'" for value in hashes)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline';"
        f" img-src 'self' data:; connect-src 'self'; {NO_EMBEDDING}"
    )
