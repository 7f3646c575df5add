"""Charts are well-formed, to scale, and safe with any text; colours have contrast in light and dark."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import airflow_provider_explo.page as room
from airflow_provider_explo.page.chart import HEIGHT, WIDTH, Column, nice_ceiling, stacked_columns

SVG = "{http://www.w3.org/2000/svg}"
CSS = (Path(room.__file__).parent / "templates" / "page.css").read_text()
COLOURS = dict(re.findall(r"--(\w+): light-dark\((#\w+, #\w+)\)", CSS))


def drawn(*columns: Column, limit: float | None = None) -> ElementTree.Element:
    text = str(stacked_columns(columns, title="A <chart> & more", limit=limit))
    return ElementTree.fromstring(text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" '))


def test_parts_are_stacked_to_scale_and_stay_inside():
    svg = drawn(
        Column(label="a", title="A", parts={"created": 30, "failed": 10}),
        Column(label="b", title="B", parts={"created": 20}),
    )
    rects = [
        {name: float(svg_rect.get(name, "")) for name in ("x", "y", "width", "height")}
        for svg_rect in svg.iter(f"{SVG}rect")
    ]
    first, second, third = rects
    assert first["height"] == pytest.approx(3 * second["height"], abs=0.2)
    assert first["height"] == pytest.approx(1.5 * third["height"], abs=0.2)
    assert second["y"] + second["height"] == pytest.approx(first["y"], abs=0.1)
    assert third["x"] > first["x"] + first["width"]
    assert all(0 <= rect["y"] <= HEIGHT and rect["x"] + rect["width"] <= WIDTH for rect in rects)


def test_a_limit_above_all_columns_is_a_line_inside():
    svg = drawn(Column(label="", title="", parts={"change": 10}), limit=300)
    (line,) = [line for line in svg.iter(f"{SVG}line") if line.get("class") == "limit"]
    assert 0 < float(line.get("y1", "")) < HEIGHT / 3


def test_no_column_and_no_part_is_no_error():
    assert list(drawn().iter(f"{SVG}rect")) == []
    assert list(drawn(Column(label="a", title="", parts={})).iter(f"{SVG}rect")) == []


def test_text_is_escaped():
    svg = drawn(Column(label="<b>", title="</title><script>", parts={"created": 1}))
    assert svg.get("aria-label") == "A <chart> & more"
    assert [title.text for title in svg.iter(f"{SVG}title")] == ["</title><script>"]


def test_labels_are_few():
    svg = drawn(*(Column(label=str(number), title="", parts={}) for number in range(60)))
    labels = [
        text.text for text in svg.iter(f"{SVG}text") if (text.text or "").isdigit() and text.get("text-anchor") is None
    ]
    assert labels == ["0", "10", "20", "30", "40", "50"]


@pytest.mark.parametrize(
    ("value", "ceiling"), [(0, 2), (2, 2), (3, 4), (5, 10), (11, 20), (99, 100), (1999, 2000), (2001, 4000)]
)
def test_the_scale_ends_at_a_round_number(value, ceiling):
    assert nice_ceiling(value) == ceiling


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("name", "least"),
    [
        *((name, 4.5) for name in ("text", "quiet", "link", "warn")),
        *((name, 3) for name in ("created", "updated", "token_updated", "deleted", "rejected", "failed")),
    ],
)
def test_contrast_is_what_wcag_asks_for(mode, name, least):
    colour = COLOURS[name].split(", ")[mode]
    for background in ("page", "panel"):
        pair = sorted(luminance(each) for each in (colour, COLOURS[background].split(", ")[mode]))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= least
