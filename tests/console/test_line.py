"""Attacks on the login from many addresses, and who gets in all the same."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.auth.oauth.party import PASSWORD, Browser, Site, hidden, serving
from tests.waiting import SECONDS, until

from cloudsealed.auth import passwords
from cloudsealed.settings import parse_budget
from cloudsealed.vocabulary import Role

PROXY = ("127.0.0.1/32",)


def tried(site: Site, email: str, address: str, password: str = "wrong") -> httpx.Response:
    """Try to log in from an address, as a proxy passes it on."""
    browser = Browser(site.url)
    browser.http.headers["X-Forwarded-For"] = address
    return browser.log_in(email, password)


def test_guessing_from_many_addresses_ends_and_locks_nobody_out(tmp_path: Path) -> None:
    budget = parse_budget("3/hour")
    with serving(tmp_path, trusted_proxies=PROXY, limit_login_account=budget) as site:
        email = site.person(Role.VIEWER)
        own = Browser(site.url)
        own.http.headers["X-Forwarded-For"] = "198.51.100.1"
        assert own.log_in(email).status_code == 303
        own.http.cookies.delete("cloudsealed_session")
        for account in (email, "nobody@example.com"):
            seen = [tried(site, account, f"203.0.113.{n}") for n in range(5)]
            assert [answer.status_code for answer in seen] == [401] * 3 + [429] * 2, account
            assert int(seen[-1].headers["Retry-After"]) > 0
        assert tried(site, email, "203.0.113.9", PASSWORD).status_code == 429, "also if it is right"
        own.http.headers["X-Forwarded-For"] = "192.0.2.77"
        assert own.log_in(email).status_code == 303, "the device is known, elsewhere too"
        assert tried(site, email, "198.51.100.1", PASSWORD).status_code == 303, "so is the place"
        other = site.person(Role.ADMIN)
        own.http.cookies.delete("cloudsealed_session")
        for _ in range(3):
            own.log_in(other, "wrong")
        assert own.log_in(other, "wrong").status_code == 429, "a device is known to one account"


def test_the_address_of_a_login_is_the_clients_behind_a_trusted_proxy(tmp_path: Path) -> None:
    with serving(tmp_path, trusted_proxies=PROXY) as site:
        email = site.person(Role.ADMIN)
        assert tried(site, email, "198.51.100.7:51234", PASSWORD).status_code == 303
        with site.http() as http:
            events = http.get("/v1/events?category=security").json()["data"]
        assert "198.51.100.7" in [event["data"]["actor"]["ip"] for event in events]


def test_whom_an_account_knows_waits_for_no_stranger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "PATIENCE", 300.0)
    with serving(tmp_path, trusted_proxies=PROXY) as site, ThreadPoolExecutor(4) as pool:
        email, home = site.person(Role.VIEWER), "198.51.100.1"
        assert tried(site, email, home, PASSWORD).status_code == 303
        begun, ends = threading.Event(), threading.Event()

        def hash_for_ever() -> None:
            begun.set()
            ends.wait()

        endless = passwords._STRANGERS.submit(hash_for_ever)
        try:
            assert begun.wait(SECONDS)
            strangers = [
                pool.submit(tried, site, email, f"203.0.113.{number}") for number in range(3)
            ]
            assert tried(site, email, home, PASSWORD).status_code == 303
            assert not any(each.done() for each in (*strangers, endless))
        finally:
            ends.set()
        assert [each.result(SECONDS).status_code for each in strangers] == [401] * 3


def test_sixteen_attackers_from_changing_addresses_keep_nobody_out(tmp_path: Path) -> None:
    with serving(tmp_path, roomy=False, trusted_proxies=PROXY) as site:
        email, other = site.person(Role.VIEWER), site.person(Role.ADMIN)
        numbers, tries, ends = itertools.count(1), [0], threading.Event()

        def attack() -> None:
            browser = Browser(site.url)
            form = hidden(browser.http.get("/login"))
            while not ends.is_set():
                number = next(numbers)
                address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
                browser.http.post(
                    "/login",
                    headers={"X-Forwarded-For": address},
                    data={**form, "email": f"{number}@example.com", "password": "wrong"},
                )
                tries[0] += 1

        with site.http() as http:
            attackers = [threading.Thread(target=attack) for _ in range(16)]
            for each in attackers:
                each.start()
            for number in range(12):
                seen = tries[0]
                for _ in range(5):
                    assert http.get("/v1/findings?limit=50").status_code == 200
                browser = Browser(site.url)
                browser.http.headers["X-Forwarded-For"] = f"192.0.2.{number + 1}"
                assert browser.log_in((email, other)[number % 2]).status_code == 303
                until(lambda seen=seen: tries[0] > seen, "the attack goes on")  # type: ignore[misc]  # a lambda
            ends.set()
            for each in attackers:
                each.join(SECONDS)
