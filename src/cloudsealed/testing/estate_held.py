"""Resources of the sample estate that the emulator holds as answers, and the truth of each."""

from __future__ import annotations

from collections.abc import Iterator

from cloudsealed.kit.clock import utc_now
from cloudsealed.testing.aws import Service, services
from cloudsealed.testing.emulator import control
from cloudsealed.testing.estate_site import MAIN_ACCOUNT, REGIONS, Site, tag_map

_ANYWHERE = "*"


def answers(site: Site) -> None:
    """Let the emulator hold what the files say of an account and region."""
    names = {"account": site.account, "region": site.region, "partition": site.partition}
    names |= {"far": REGIONS[site.partition][1]}
    for service, region in _here(site):
        resources = list(service.made(names))
        place = {"account": site.account, "region": region, "service": service.name}
        told = {
            each["native_id"]: each.get("tags", tag_map(each["native_id"].rpartition("/")[2]))
            for each in resources
            if each["native_id"].startswith("arn:")
        }
        held = {**place, "answers": list(service.at(names, utc_now()))}
        control(site.endpoint, "POST", "hold", {**held, "tags": told})
        for each in (one for one in resources if "type" in one):
            site.truth(each["type"], each["native_id"], each.get("fails", ()))


def _here(site: Site) -> Iterator[tuple[Service, str]]:
    account = "main" if site.account == MAIN_ACCOUNT else "second"
    home, far = REGIONS[site.partition]
    regions = {home: (("home", home),), far: (("far", far), ("global", _ANYWHERE))}
    for service in services():
        for name, region in regions[site.region]:
            if (account, name) in service.places:
                yield service, region
