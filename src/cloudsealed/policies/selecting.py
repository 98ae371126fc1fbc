"""Filters that name policies, or what policies serve, as the ids of policies, deleted ones too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cloudsealed.policies.frameworks import controls_of, frameworks
from cloudsealed.policies.store import PolicyStore
from cloudsealed.storage.filters import NOT, UnknownValueError

Filters = Mapping[str, tuple[str, ...]]
Resolved = dict[str, tuple[str, ...]]
_POLICY = ("policy", f"policy{NOT}")
_SERVED = ("framework", "control")
_NO_POLICY = ("",)


@dataclass(frozen=True, slots=True)
class _Serves:
    """One policy serves one control of one framework."""

    policy: str
    framework: str
    control: str


def selects_policies(filters: Filters) -> bool:
    """Say whether some of the filters are to be resolved."""
    return not filters.keys().isdisjoint((*_POLICY, *_SERVED, *(f"{n}{NOT}" for n in _SERVED)))


def resolve_filters(store: PolicyStore, *, tenant: str, filters: Filters) -> Resolved:
    """Replace the filters policy, framework and control, and their negations, by ids of policies.

    `framework` and `control` together are one condition: some control of some framework. Raises
    UnknownValueError for what neither the packs nor any policy of the tenant names.
    """
    resolved = {name: values for name, values in filters.items() if not _is_served(name)}
    for name in _POLICY:
        if name in filters:
            resolved[name] = tuple(
                ident for value in filters[name] for ident in _named(store, tenant, name, value)
            )
    if len(resolved) == len(filters):
        return resolved
    serving = list(_serving(store, tenant))
    _refuse_strangers(serving, filters)
    return resolved | _wanted(serving, filters) | _unwanted(serving, filters)


def _is_served(name: str) -> bool:
    return name.removesuffix(NOT) in _SERVED


def _named(store: PolicyStore, tenant: str, name: str, value: str) -> list[str]:
    found = store.named(tenant=tenant, ident=value)
    if not found:
        raise UnknownValueError(name, value, [key for _id, key in store.keys(tenant=tenant)])
    return found


def _serving(store: PolicyStore, tenant: str) -> Iterator[_Serves]:
    for ident, key, spec in store.serving(tenant=tenant):
        for each in controls_of(key, spec):
            yield _Serves(ident, each["framework"], each["control"])


def _refuse_strangers(serving: list[_Serves], filters: Filters) -> None:
    known = {
        "framework": {*frameworks(), *(each.framework for each in serving)},
        "control": {
            *(control.id for item in frameworks().values() for control in item.controls),
            *(each.control for each in serving),
        },
    }
    for name in filter(_is_served, filters):
        names = known[name.removesuffix(NOT)]
        for value in set(filters[name]) - names:
            raise UnknownValueError(name, value, names)


def _wanted(serving: list[_Serves], filters: Filters) -> Resolved:
    given = [name for name in _SERVED if name in filters]
    if not given:
        return {}
    idents = {
        each.policy
        for each in serving
        if all(getattr(each, name) in filters[name] for name in given)
    }
    return {given[0]: tuple(sorted(idents)) or _NO_POLICY}


def _unwanted(serving: list[_Serves], filters: Filters) -> Resolved:
    """Return what leaves policies out: a control, of the frameworks that are asked for."""
    scope = filters.get("framework")
    found = {}
    for name in _SERVED:
        left_out = set(filters.get(f"{name}{NOT}", ()))
        idents = {
            each.policy
            for each in serving
            if getattr(each, name) in left_out
            and (name == "framework" or scope is None or each.framework in scope)
        }
        if idents:
            found[f"{name}{NOT}"] = tuple(sorted(idents))
    return found
