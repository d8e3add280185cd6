"""PDF/A-3b: a page that a bank, a tax office or an archive can open in thirty years.

Fonts are embedded by the sheets already. What is added here: a colour profile as output intent, XMP metadata that
agrees with the document's own, and nothing that depends on the day of making. Source: ISO 19005-3.
"""

from __future__ import annotations

import functools
from typing import Any
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfdoc
from reportlab.pdfgen.canvas import Canvas

XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<pdf:Producer>{producer}</pdf:Producer>
<xmp:CreatorTool>{creator}</xmp:CreatorTool>
<xmp:CreateDate>{date}</xmp:CreateDate><xmp:ModifyDate>{date}</xmp:ModifyDate>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
{room}
<?xpacket end="w"?>"""
ROOM = ("\n" + " " * 99) * 20  # XMP packets leave room to be rewritten in place
PRODUCER = "closeout"
DATE = "2000-01-01T00:00:00+00:00"  # of the form, not of the content: equal content gives equal bytes
PROFILE_DATE = slice(24, 36)


@functools.cache
def profile() -> bytes:
    """Return an ICC profile of sRGB, the same on every day."""
    from PIL import ImageCms

    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    made[PROFILE_DATE] = bytes.fromhex("07d000010001000000000000")  # the first of January 2000
    return bytes(made)


class ArchivalCanvas(Canvas):
    """A canvas whose file is PDF/A-3b."""

    def save(self) -> None:
        """Add what the form demands, then write the file."""
        document: Any = self._doc  # type: ignore[attr-defined]
        catalog, info = document.Catalog, document.info
        info.producer, info.keywords = PRODUCER, ""
        packet = XMP.format(
            title=escape(info.title), author=escape(info.author), subject=escape(info.subject),
            producer=PRODUCER, creator=escape(info.creator), date=DATE, room=ROOM,
        )  # fmt: skip
        stream = pdfdoc.PDFStream(
            dictionary=pdfdoc.PDFDictionary(
                {"Type": pdfdoc.PDFName("Metadata"), "Subtype": pdfdoc.PDFName("XML")}
            ),
            content=packet.encode(),
            filters=[],
        )
        colours = pdfdoc.PDFStream(dictionary=pdfdoc.PDFDictionary({"N": 3}), content=profile())
        intent = pdfdoc.PDFDictionary(
            {
                "Type": pdfdoc.PDFName("OutputIntent"), "S": pdfdoc.PDFName("GTS_PDFA1"),
                "OutputConditionIdentifier": pdfdoc.PDFString("sRGB"), "Info": pdfdoc.PDFString("sRGB"),
                "DestOutputProfile": document.Reference(colours, "output profile"),
            }
        )  # fmt: skip
        catalog.__NoDefault__ = [*type(catalog).__NoDefault__, "OutputIntents"]
        catalog.Metadata = stream
        catalog.OutputIntents = pdfdoc.PDFArray([document.Reference(intent, "output intent")])
        super().save()
