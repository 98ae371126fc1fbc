"""The numbers that pages show are those of the API: those that lead on lead to as many, and those
of tables and facts are what the API answers."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.auth.oauth.party import Site
from tests.console.audited import CONNECTION
from tests.console.estate import add_findings as add_some
from tests.console.estate import settled, texts
from tests.console.everything import CONTROL, Everything, inhabited

from cloudsealed.console.rendering import middle
from cloudsealed.testing.factories import add_findings, make_finding
from cloudsealed.vocabulary import Dimension, FindingStatus, Severity

Shown = dict[tuple[str, str], int]
Ask = Callable[..., Any]
COUNTED = {"/findings": "severity", "/resources": "type", "/policies": "kind"}
GROUPED = "/findings?group=policy&status=open"
_NOT_FILTERS = {"sort", "limit", "column", "cursor", "group"}
_LINK = re.compile(r'<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.:/-])(\d[\d,]*)(?![\w.:/-])")
_VERDICTS = ("fail", "pass", "unknown", "not_applicable")
_STANDINGS = ("passing", "failing", "unknown", "manual", "not_assessed")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    with inhabited(tmp_path_factory.mktemp("numbers")) as found:
        policy, severities = found.named["/policies"], [*Severity, Severity.LOW, Severity.HIGH]
        told = {"policy_id": policy, "connection_id": CONNECTION}
        new = [make_finding(severity=severity, **told) for severity in severities]
        add_findings(found.site.services.database, found.site.tenant_id, *new)
        yield found


@pytest.fixture(scope="module")
def ask(whole: Everything) -> Iterator[Ask]:
    """What the API answers."""
    with whole.site.http() as http:

        def asked(path: str, **query: Any) -> Any:
            answer = http.get(path, params=query)
            assert answer.status_code == 200, (path, answer.text)
            return answer.json()

        yield asked


def plain(marked: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", marked)).split())


def addresses(whole: Everything) -> list[str]:
    return [
        *whole.pages().values(),
        *(each for each in whole.states() if "=" in each and "urgent" not in each),
    ]


def test_every_number_that_leads_on_leads_to_as_many(whole: Everything, ask: Ask) -> None:
    http, followed = whole.site.browser().http, Counter[str]()
    for address in addresses(whole):
        page = settled(http, address)
        for path, asked, number in leading(page, address):
            total = ask(f"/v1{path}/summary", group_by=COUNTED[path], **asked)["total"]
            assert total == number, (address, path, asked)
            followed[path] += 1
    assert followed.keys() == COUNTED.keys()
    assert min(followed.values()) >= 3


def leading(page: httpx.Response, address: str) -> Iterator[tuple[str, dict[str, list[str]], int]]:
    """Return the links of a page that say how many they lead to: path, filters, number."""
    held = parse_qs(urlsplit(address).query)
    for link, marked in _LINK.findall(page.text.partition("<main")[2]):
        at, numbers = urlsplit(html.unescape(link)), _NUMBER.findall(plain(marked))
        asked = {n: v for n, v in parse_qs(at.query).items() if n not in _NOT_FILTERS}
        if not numbers or not asked or at.path not in COUNTED:
            continue
        if at.path == urlsplit(address).path:  # one more value of a facet counts alone
            asked = {n: sorted({*v} ^ {*held.get(n, ())}) or v for n, v in asked.items()}
        if at.path == "/findings" and asked.keys().isdisjoint(("status", "delta", "audit")):
            asked |= {"status": list(FindingStatus)}  # a summary has those that are open
        if not any(numbers[-1] in value for values in asked.values() for value in values):
            yield at.path, asked, int(numbers[-1].replace(",", ""))


def cells(page: httpx.Response) -> Shown:
    """Return the numbers of a page's tables: those of a column that has a name, by their row's."""
    found: Shown = {}
    for row in re.findall(r"<tr>(.*?)</tr>", page.text, re.DOTALL):
        head = re.search(r'<th scope="row".*?(?:</a>|</th>)', row, re.DOTALL)
        for label, held in re.findall(r'<td class="number" data-label="([^"]*)">(.*?)</td>', row):
            if head and (number := re.fullmatch(r"\d[\d,]*", plain(held))):
                found[plain(head[0]), html.unescape(label)] = int(number[0].replace(",", ""))
    return found


def facts(page: httpx.Response) -> Shown:
    """Return the numbers of a page's facts, by what they are of."""
    found: Shown = {}
    for name, held in re.findall(
        r"<dt>(.*?)</dt>\s*<dd(?! class=\"mono)[^>]*>(.*?)</dd>", page.text, re.DOTALL
    ):
        if number := re.fullmatch(r"(\d[\d,]*)(?: of \d[\d,]*)?", plain(held)):
            found["", plain(name)] = int(number[1].replace(",", ""))
    return found


def said(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _overview(ask: Ask, whole: Everything) -> Shown:
    newest = ask("/v1/audits", status="completed")["data"][0]
    found = {}
    for name in ("new", "fixed", "reopened", "changed"):
        total = ask("/v1/findings/summary", group_by="severity", delta=name)["total"]
        found["", said(name)] = total
    providers = {each["provider"] for each in newest["accounts"]}
    listed = ask("/v1/frameworks", limit=200)["data"]
    for each in (one for one in listed if one["provider"] in providers):
        whole_one = ask(f"/v1/frameworks/{each['key']}", audit=newest["id"])
        found |= {(each["title"], said(name)): whole_one["counts"][name] for name in _STANDINGS}
    return found


def _groups(ask: Ask, whole: Everything) -> Shown:
    told = ask("/v1/findings/summary", group_by=["policy", "severity"], status="open")["groups"]
    found: Shown = {}
    for each in told:
        found[each["policy"], said(each["severity"])] = each["count"]
        found[each["policy"], "All"] = found.get((each["policy"], "All"), 0) + each["count"]
    return found


def _policies(ask: Ask, whole: Everything) -> Shown:
    told = ask("/v1/findings/summary", group_by="policy", status="open")["groups"]
    titles = {each["key"]: each["title"] for each in ask("/v1/policies")["data"]}
    return {
        (" ".join(middle(titles[each["policy"]], 160).split()), "Open findings"): each["count"]
        for each in told
    }


def _audits(ask: Ask, whole: Everything) -> Shown:
    found: Shown = {}
    for each in ask("/v1/audits")["data"]:
        if each["counts"]:
            moment = f"{each['created_at'][:10]} {each['created_at'][11:16]} UTC"
            found[moment, "Failures"] = each["counts"]["fail"]
            found[moment, "Resources"] = each["resources"]
    return found


def _audit(ask: Ask, whole: Everything) -> Shown:
    audit = ask(f"/v1{whole.address('/audits/{id}')}")
    found = {
        ("", "Resources"): audit["resources"],
        ("", "Failures"): audit["findings"],
        ("", "Cells with every verdict"): audit["cells"]["with_verdict"],
    }
    for name, each in audit["dimensions"].items():
        found |= {(said(name), said(verdict)): each[verdict] for verdict in _VERDICTS}
        if each["score"] is not None:
            found[said(name), "Score"] = each["score"]
    return found


def _coverage(ask: Ask, whole: Everything) -> Shown:
    found: Shown = {}
    for gap in ask(f"/v1{whole.address('/audits/{id}/coverage')}")["gaps"]:
        call = f"{gap['service']}:{gap['operation']}"
        found |= {(call, "Calls"): gap["calls"], (call, "Verdicts unknown"): gap["verdicts"]}
    return found


def _framework(ask: Ask, whole: Everything) -> Shown:
    newest = ask("/v1/audits", status="completed")["data"][0]
    found: Shown = {}
    for each in ask(f"/v1/frameworks/{CONTROL[0]}", audit=newest["id"])["controls"]:
        row = f"{each['id']} {each['title']}"
        found |= {(row, said(n)): each[n] for n in ("failing", "passing", "unknown")}
        found[row, "Policies"] = len(each["policies"])
    return found


def _control(ask: Ask, whole: Everything) -> Shown:
    newest = ask("/v1/audits", status="completed")["data"][0]
    controls = ask(f"/v1/frameworks/{CONTROL[0]}", audit=newest["id"])["controls"]
    (control,) = [each for each in controls if each["id"] == CONTROL[1]]
    return {("", said(name)): control[name] for name in ("failing", "passing", "unknown")}


def _simulation(ask: Ask, whole: Everything) -> Shown:
    (result,) = ask(f"/v1/simulations/{whole.named['/policies/simulations']}")["results"]
    names = ("would_open", "would_close", "would_change")
    return {("", name.replace("_", " ")): result[name] for name in names}


EXPECTED: Mapping[str, Callable[[Ask, Everything], Shown]] = {
    "/overview": _overview,
    GROUPED: _groups,
    "/policies": _policies,
    "/audits": _audits,
    "/audits/{id}": _audit,
    "/audits/{id}/coverage": _coverage,
    "/frameworks/{id}": _framework,
    "/frameworks/{id}/controls/{control}": _control,
    "/policies/simulations/{id}": _simulation,
}
"""What the tables and facts of each page that has numbers in them are to say."""

ELSEWHERE = {"/audits/{id}/compare", "/audits/{id}/calls", "/audits/{id}/cells", "/events"}
"""Pages whose numbers tests of their own hold against the API: tests/console/test_views_audits.py,
tests/console/test_matrix.py, tests/console/test_views_events.py."""


def test_every_number_of_a_table_or_a_fact_is_what_the_api_answers(
    whole: Everything, ask: Ask
) -> None:
    http, wrong = whole.site.browser().http, {}
    for path, address in {**whole.pages(), GROUPED: GROUPED}.items():
        page = settled(http, address)
        shown = {**cells(page), **facts(page)}
        if path not in ELSEWHERE and shown != (told := EXPECTED.get(path, _nothing)(ask, whole)):
            wrong[path] = sorted(shown.items() ^ told.items())[:8]
    assert wrong == {}


def _nothing(ask: Ask, whole: Everything) -> Shown:
    return {}


def test_the_overview_says_of_each_dimension_what_the_api_counts(
    whole: Everything, ask: Ask
) -> None:
    shown = texts(settled(whole.site.browser().http, "/overview"))
    newest = ask("/v1/audits", status="completed")["data"][0]
    for name in Dimension:
        asked = {"status": "open", "dimension": name.value, "group_by": "severity"}
        summary = ask("/v1/findings/summary", **asked)
        counts = {each["severity"]: each["count"] for each in summary["groups"]}
        told = f"{summary['total']} open finding{'s' if summary['total'] != 1 else ''}"
        for severity in (Severity.CRITICAL, Severity.HIGH):
            told += f" · {said(severity)} {counts[severity]}" if counts.get(severity) else ""
        assert told in shown
        score = newest["dimensions"][name]["score"]
        assert f"{said(name)} {'Too little was read' if score is None else score}" in shown
    verdicts = ask(f"/v1/audits/{newest['id']}/coverage")["verdicts"]
    assert f"{verdicts['given']} of {verdicts['possible']} verdicts could be given." in shown
    assert f"{newest['resources']} resource" in shown


def test_what_another_tenant_has_adds_to_no_number(whole: Everything) -> None:
    def shown() -> str:
        page = settled(whole.site.browser().http, "/overview").text
        # The moments themselves: "just now" is over after five seconds.
        return plain(re.sub(r'<time datetime="([^"]*)".*?</time>', r"\1", page, flags=re.DOTALL))

    before = shown()
    other: Site = whole.site.tenant("Other")
    add_some(other, 3)
    assert shown() == before
