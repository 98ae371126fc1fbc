"""The pages of resources with a script: a document searched as one types, and the search field."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson
from tests.auth.oauth.party import PASSWORD, Site

from cloudsealed.storage import objects
from cloudsealed.testing.factories import add_resources, make_resource
from cloudsealed.vocabulary import Role

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

DOCUMENT = {"Name": "web", "Rules": [{"Ports": {"From": 22, "To": 23}}, {"Ports": {"From": 443}}]}


def test_a_resource_is_found_by_keyboard_and_its_document_searched_as_one_types(
    new_context: Callable[..., BrowserContext], site: Site
) -> None:
    with site.services.database.write() as connection:
        data = orjson.dumps({"document": DOCUMENT})
        snapshot = objects.put(connection, site.tenant_id, data, "2026-01")
    resource = make_resource(name="shop front", snapshot=snapshot)
    add_resources(site.services.database, site.tenant_id, resource)
    page = new_context().new_page()
    page.goto(f"{site.url}/login?next=%2Fresources")
    page.get_by_label("E-mail").fill(site.person(Role.VIEWER))
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Resources").wait_for()

    page.keyboard.press("/")
    page.keyboard.type(resource.id)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="shop front").wait_for()
    assert page.url == f"{site.url}/resources/{resource.id}"

    field = page.get_by_label("Find in the document")
    assert page.get_by_text("443").is_hidden()
    field.fill("443")
    page.get_by_text("1 found").wait_for()
    assert page.get_by_text("443").is_visible()
    assert page.locator(".document .found").count() == 1
    field.fill("FROM")
    page.get_by_text("2 found").wait_for()
    field.fill("")
    page.locator(".document .found").wait_for(state="detached")

    page.get_by_role("link", name="History").click()
    page.get_by_role("heading", name="Versions").wait_for()
    page.go_back()
    page.get_by_role("heading", name="Relations").wait_for()
