"""The golden reports as others read them: by a schema validator, an XML parser, an HTML parser, a TAP reader."""

import copy
import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest

FOLDER = Path(__file__).parent
SCHEMA = json.loads((FOLDER / "results.schema.json").read_text())
RESULTS = json.loads((FOLDER / "golden" / "results.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_golden_results_keep_the_schema():
    VALIDATOR.validate(RESULTS)
    assert sum(RESULTS["summary"].values()) == len(RESULTS["results"])


def every_object(value, path=()):
    """The path of each object within `value`."""
    if isinstance(value, dict):
        yield path
    for key, child in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from every_object(child, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


@pytest.mark.parametrize("path", list(every_object(RESULTS)), ids=str)
def test_schema_wants_every_member_and_no_other(path):
    with_more = copy.deepcopy(RESULTS)
    at(with_more, path)["more"] = ""
    assert not VALIDATOR.is_valid(with_more)
    for name in at(RESULTS, path):
        without = copy.deepcopy(RESULTS)
        del at(without, path)[name]
        assert not VALIDATOR.is_valid(without), name


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("tool",), "another"),
        (("peer", "side"), "client"),
        (("summary", "pass"), -1),
        (("summary", "pass"), "3"),
        (("exit_code",), 2),
        (("seed",), 2**64),
        (("duration_ms",), None),
        (("findings", 0, "verdict"), "pass"),
        (("findings", 0, "requirement"), "R-5.5"),
        (("findings", 0, "count"), 0),
        (("findings", 0, "known"), True),
        (("findings", 1, "scenarios"), ["a", "a"]),
        (("results", 0, "verdict"), "known"),
        (("results", 0, "scenario"), ""),
        (("results", 0, "trace"), "text"),
        (("stale",), [1]),
    ],
)
def test_schema_refuses(path, value):
    broken = copy.deepcopy(RESULTS)
    at(broken, path[:-1])[path[-1]] = value
    assert not VALIDATOR.is_valid(broken)


def test_junit_is_counted_right():
    root = ElementTree.parse(FOLDER / "golden" / "junit.xml").getroot()
    outcomes = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for node in [root, *root.iter("testsuite")]:
        for attribute, tag in outcomes.items():
            assert int(node.get(attribute)) == len(list(node.iter(tag))), (node.get("name"), attribute)
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(names)) == len(names)
    assert "</script><img" in "".join(root.itertext())  # what a peer said is text, and whole


def test_tap_is_numbered_right():
    lines = (FOLDER / "golden" / "report.tap").read_text().splitlines()
    assert lines[0] == "TAP version 14"
    points = [match for line in lines if (match := re.match(r"(not )?ok (\d+) - (.*)", line))]
    assert lines[1] == f"1..{len(points)}"
    assert [int(point[2]) for point in points] == list(range(1, len(points) + 1))
    directives = [point[3] for point in points if re.search(r"(?<!\\)#", point[3])]
    assert [re.search(r"# (\w+)", text)[1] for text in directives] == ["TODO", "SKIP", "SKIP"]


class Page(HTMLParser):
    """The elements of a page, and the text of those that hold data."""

    def __init__(self):
        super().__init__()
        self.elements = []
        self.open = []
        self.data = ""

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if self.open and self.open[-1][0] == tag:
            self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1][1].get("id") == "data":
            self.data += data


def test_page_holds_the_report_and_nothing_of_a_peer_as_markup():
    page = Page()
    page.feed((FOLDER / "golden" / "report.html").read_text())
    tags = [tag for tag, _ in page.elements]
    assert tags.count("script") == 2
    assert "img" not in tags and "b" not in tags
    assert not any(name.startswith("on") or name in ("src", "srcset") for _, attrs in page.elements for name in attrs)
    report = json.loads(page.data)["report"]
    assert report["summary"] == RESULTS["summary"]
    assert [finding["requirement"] for finding in report["findings"]] == [
        finding["requirement"] for finding in RESULTS["findings"]
    ]
    assert report["findings"][1]["got"].startswith("</script><img")
