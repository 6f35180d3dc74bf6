"""Safe parsing of XML reports of unknown origin: no entity is resolved, nothing is fetched."""

import re

from lxml import etree

from models.errors import ParseError

MAX_REPORT_BYTES = 2**26
MAX_TAGS = 250_000
_CDATA = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)
_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CHARACTER_REFERENCE = re.compile(r"&#(?:[0-9]{1,9}|x[0-9A-Fa-f]{1,8});")
_DECLARATION = re.compile(r"\s*<\?xml[^>]{0,200}\?>")
_TOO_LARGE = re.compile(r"huge|too long|too deep|[Ee]xcessive depth|amplification", re.IGNORECASE)


def parse_report(content: bytes, *roots: str) -> "etree._Element":
    """Return the root of a report; its tag is one of `roots`.

    Reports contain the output of builds unchanged, even characters that XML does not allow: these
    become U+FFFD. ParseError `too_large` (the file, a text of more than 10 MB, too many tags, or
    elements nested too deeply), `not_xml`, `doctype` or `wrong_root`.
    """
    if len(content) > MAX_REPORT_BYTES:
        raise ParseError("too_large", f"the report has more than {MAX_REPORT_BYTES} bytes")
    if content.count(b"<") > MAX_TAGS and _CDATA.sub(b"", content).count(b"<") > MAX_TAGS:
        # counted before the tree is built, which takes thirty times the size of the file in memory
        raise ParseError("too_large", f"the report has more than {MAX_TAGS} tags")
    try:
        root = _parse(content)
    except (etree.XMLSyntaxError, ValueError) as error:
        if _TOO_LARGE.search(str(error)):
            raise ParseError("too_large", str(error)[:300]) from error
        root = _parse_leniently(content)
    if root.getroottree().docinfo.internalDTD is not None:
        raise ParseError("doctype", "a document type declaration is not allowed")
    if root.tag not in roots:
        raise ParseError("wrong_root", f"the root is <{str(root.tag)[:80]}>, not <{roots[0]}>")
    return root


def _parse(content: bytes) -> "etree._Element":
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_pis=True, remove_comments=True,
    )  # fmt: skip
    return etree.fromstring(content, parser)


def _parse_leniently(content: bytes) -> "etree._Element":
    text = content.decode("utf-8", errors="replace").removeprefix("\ufeff")
    text = _NOT_IN_XML.sub("\ufffd", _DECLARATION.sub("", text, count=1))
    try:
        return _parse(_CHARACTER_REFERENCE.sub(_legal_reference, text).encode())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ParseError("not_xml", str(error)[:300]) from error


def _legal_reference(reference: "re.Match[str]") -> str:
    digits = reference[0][2:-1]
    code = int(digits[1:], 16) if digits.startswith("x") else int(digits)
    is_legal = code < 0x110000 and _NOT_IN_XML.match(chr(code)) is None
    return reference[0] if is_legal else "\ufffd"


def text_below(element: "etree._Element", path: str) -> str:
    """Return the text of the first element at `path`, or an empty text when there is none."""
    return element.findtext(path) or ""
