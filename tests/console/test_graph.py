"""The graph of a resource: every neighbour a box, what has a page a link, what is too many told."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from cloudsealed.console.graph import Node, star

SVG = "{http://www.w3.org/2000/svg}"
MIDDLE = Node("web", "aws.ec2.security_group", "", None)


def drawn(incoming: list[Node], outgoing: list[Node]) -> ElementTree.Element:
    text = str(star(MIDDLE, incoming, outgoing, title="Ties", more="{n} more"))
    return ElementTree.fromstring(text.replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))


def node(name: str, href: str | None = "/resources/res_1") -> Node:
    return Node(name, "aws.ec2.instance", "groups", href)


def test_who_refers_stands_on_the_left_and_what_is_referred_to_on_the_right() -> None:
    found = drawn([node("in")], [node("out", None)])
    places = {
        box.find(f"{SVG}title").text.split(" ")[0]: float(box.find(f"{SVG}rect").get("x", ""))  # type: ignore[union-attr]
        for box in found
        if box.find(f"{SVG}rect") is not None
    }
    assert places["in"] < places["web"] < places["out"]
    assert [link.get("href") for link in found.iter(f"{SVG}a")] == ["/resources/res_1"]
    width = float(found.get("width", "0"))
    assert all(x >= 0 and x + 204 <= width for x in places.values())


def test_no_box_covers_another_however_many_there_are() -> None:
    found = drawn([node(f"n{n}") for n in range(40)], [node("one")])
    assert "28 more" in [text.text for text in found.iter(f"{SVG}text")]
    height = float(found.get("height", "0"))
    left = sorted(float(a.find(f"{SVG}rect").get("y", "")) for a in found.iter(f"{SVG}a"))  # type: ignore[union-attr]
    assert left[-1] + 42 <= height
    assert len(left) == 13


def test_a_side_without_anything_takes_no_room() -> None:
    assert float(drawn([], [node("a")]).get("width", "0")) < float(
        drawn([node("b")], [node("a")]).get("width", "0")
    )


def test_hostile_names_are_text_and_long_ones_keep_their_ends() -> None:
    name = "<script>alert(1)</script>" + "x" * 100 + "-tail"
    text = str(star(MIDDLE, [node(name)], [], title='"<b>', more="{n}"))
    assert "<script>" not in text
    shown = re.findall(r'<text class="name"[^>]*>([^<]*)', text)
    assert any(each.endswith("-tail") and "…" in each for each in shown)


def test_wide_characters_take_their_room() -> None:
    for name in ("東京" * 50, "\U0001f4a5" * 30, "W" * 23):
        text = str(star(MIDDLE, [node(name)], [], title="t", more="{n}"))
        shown = re.findall(r'<text class="name"[^>]*>([^<]*)', text)[0]
        assert len(shown) * (1 if name[0] == "W" else 2) <= 24
