"""An id of a page's address names one object, whatever it holds: it asks for nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.auth.oauth.party import Browser, Site, serving
from tests.console.estate import add_findings

from cloudsealed.console.asking import path_to
from cloudsealed.console.views import PASSAGES, VIEWS

HOSTILE = ("{id}%3Fx", "{id}%3Fexpand=policy", "{id}%23x", "%2E%2E", "{id}%252Fevidence", "{id}%00")
KNOWN = {"frameworks": "cis-aws-5.0", "policies": "aws-iam-root-used"}
PATHS = [each.path for each in (*VIEWS, *PASSAGES) if "{id}" in each.path]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("ids")) as running:
        yield running


@pytest.fixture(scope="module")
def finding(site: Site) -> str:
    return add_findings(site, 1)[0]


@pytest.fixture(scope="module")
def browser(site: Site) -> Browser:
    return site.browser()


def test_a_part_of_a_path_stays_one() -> None:
    assert path_to("/v1/a/{id}/b", id="x/../y?z#&") == "/v1/a/x%2F..%2Fy%3Fz%23%26/b"
    assert path_to("/v1/a/{id}", id="fnd_01J8") == "/v1/a/fnd_01J8"


@pytest.mark.parametrize("path", PATHS)
def test_no_page_is_that_of_a_hostile_id(finding: str, browser: Browser, path: str) -> None:
    known = {**KNOWN, "findings": finding}
    for hostile in HOSTILE:
        ident = hostile.format(id=known.get(path.split("/")[1], "x"))
        address = path.replace("{id}", ident).replace("{control}", "1.3")
        page = browser.http.get(address)
        assert page.status_code == 404, address


def test_no_other_object_is_asked_for_by_a_hostile_value_of_the_address(browser: Browser) -> None:
    for address in (
        "/reports/new?audit=x/../y?z",
        "/frameworks?audit=../policies/aws-iam-root-used",
        "/policies/new?like=aws-iam-root-used?x",
    ):
        assert browser.http.get(address).status_code == 404, address
