"""How a page is looked at: accessibility, width, markup, and what the browser says, at one visit of the page.

axe runs through the browser's debugger, so that the page keeps its own strict policy while it is looked at.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from axe_playwright_python.base import AXE_SCRIPT as AXE
from tinyhtml5.parser import HTMLParser

PICTURES = os.environ.get("PICTURES", "")  # where pictures of the pages go; none are taken without it
WIDTHS = (320, 390, 768, 1280)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SIGHT = {"runOnly": {"type": "rule", "values": ["color-contrast", "target-size", "link-in-text-block"]}}
ASK = """axe.run(Object.assign(%s, {resultTypes: ["violations"]}))
    .then((said) => said.violations.map((one) => one.id + ": " + one.nodes[0].html.slice(0, 200)))"""
HTML = "{http://www.w3.org/1999/xhtml}"
INTERACTIVE = {"a", "button", "input", "select", "textarea", "label", "summary"}
POINTING = ("for", "aria-labelledby", "aria-describedby", "aria-controls")


def faults_of(visitor: Any, *, picture: str = "") -> list[str]:
    """Return what is wrong with the page that ``visitor`` has open, in both schemes and at every width.

    Every rule of axe runs at both widths; what the dark scheme can change, colours, is looked at in it too.
    """
    page = visitor.page
    client = visitor.context.new_cdp_session(page)
    _evaluate(client, AXE)
    wrong = []
    for scheme, widths in (("light", WIDTHS), ("dark", (1280, 390))):
        page.emulate_media(color_scheme=scheme)
        for width in widths:
            page.set_viewport_size({"width": width, "height": 844})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong.append(f"wider than {width}")
            if width in (390, 1280):
                rules = RULES if scheme == "light" else SIGHT
                wrong += [f"{scheme} {width} {said}" for said in _evaluate(client, ASK % json.dumps(rules))]
                _pictured(visitor, picture, scheme, width)
    client.detach()
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 390, "height": 844})
    wrong += [f"the browser says: {said}" for said in visitor.complaints]
    visitor.complaints.clear()
    return wrong


def _evaluate(client: Any, expression: str) -> Any:
    asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
    answer = client.send("Runtime.evaluate", asked)
    assert "exceptionDetails" not in answer, answer
    return answer["result"].get("value")


def _pictured(visitor: Any, name: str, scheme: str, width: int) -> None:
    """Take the pictures that the docs show: Chinese on a phone, light and dark, and English on a desktop."""
    screens = {
        ("zh", "light", 390): "phone",
        ("zh", "dark", 390): "phone-dark",
        ("en", "light", 1280): "desktop",
    }
    screen = screens.get((visitor.language, scheme, width))
    if PICTURES and name and screen:
        path = Path(PICTURES) / f"{name}-{visitor.language}-{screen}.png"
        visitor.page.screenshot(path=path, full_page=True)


def markup_faults(content: bytes) -> Iterator[str]:
    """Yield what is wrong with the markup of a page by the HTML standard."""
    parser = HTMLParser(namespace_html_elements=True)
    root = parser.parse(content)
    yield from (f"{code} at {place}" for place, code, _ in parser.errors)
    elements = [one for one in root.iter() if isinstance(one.tag, str)]
    ids = [one.attrib["id"] for one in elements if "id" in one.attrib]
    yield from (f"id {one} twice" for one in sorted({one for one in ids if ids.count(one) > 1}))
    for one in elements:
        for name in POINTING:
            yield from (f"{name} leads to {to}" for to in one.attrib.get(name, "").split() if to not in ids)
        yield from (
            f"{name} in the markup" for name in one.attrib if name == "style" or name.startswith("on")
        )
        if _name(one) in INTERACTIVE - {"label"}:
            inside = (_name(below) for below in one.iter() if below is not one)
            yield from (f"{below} inside {_name(one)}" for below in inside if below in INTERACTIVE)
        is_field = _name(one) in ("input", "select", "textarea") and one.attrib.get("type") != "hidden"
        if is_field and not _labelled(one, elements):
            yield f"nothing names {one.attrib}"
    names = [_name(one) for one in elements]
    if names.count("h1") != 1 or names.count("main") != 1:
        yield "one h1 and one main"
    if not re.match("zh-Hans|en", root.attrib.get("lang", "")):
        yield "no language"


def _name(element: Element) -> str:
    return str(element.tag).removeprefix(HTML)


def _labelled(field: Element, elements: list[Element]) -> bool:
    labels = [one for one in elements if _name(one) == "label"]
    named = any(one.attrib.get("for") == field.attrib.get("id") for one in labels if "id" in field.attrib)
    return named or "aria-label" in field.attrib or any(field in list(one.iter()) for one in labels)
