"""Compares the tables of versions with a newer list, and says what differs.

    python tools/facts.py LIST.csv

LIST.csv has the columns product, version, end_of_active_support, end_of_life and
end_of_extended_support; the products have the names that they have in packs/facts/products.csv. Of
the runtimes of Lambda the end of active support is the end of standard support, and the end of life
the end of updates. True and False stand where no day is named. It exits 1 when a date differs or we
lack a version, notes what only we or only botocore know, and changes nothing.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import botocore.session

from cloudsealed.packs.facts import facts

COLUMNS = {"standard_ends": "end_of_life", "extended_ends": "end_of_extended_support"}
OF_RUNTIMES = {"standard_ends": "end_of_active_support", "updates_end": "end_of_life"}

Row = Mapping[str, str]
Known = Mapping[tuple[str, str], Row]


def differences(theirs: list[Row]) -> Iterator[str]:
    """What a list says otherwise than our tables, a line each."""
    ours: Known = {(row["product"], row["version"]): row for row in facts("versions")}
    products = {row["product"]: row for row in facts("products")}
    for row in theirs:
        product = products.get(row["product"])
        if product is not None:
            columns = OF_RUNTIMES if product["names"] == "exact" else COLUMNS
            yield from _of_version(_fitting(ours, product, row["version"]), row, columns)


def _fitting(ours: Known, product: Row, version: str) -> Row | None:
    """Our row for a version: its own, or that of the version it belongs to."""
    parts = version.split(".") if product["names"] == "numbered" else [version]
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next(
        (ours[product["product"], n] for n in names if (product["product"], n) in ours), None
    )


def _of_version(our: Row | None, their: Row, columns: Row) -> Iterator[str]:
    name = f"{their['product']} {their['version']}"
    if our is None:
        yield f"{name}: not in our table"
        return
    for column, counterpart in columns.items():
        said = _day(their[counterpart])
        if our[column] != said:
            yield f"{name}: {column} is {our[column] or 'not named'}, there {said or 'not named'}"


def _day(text: str) -> str:
    return "" if text in ("True", "False") else text


def unknown_to_them(theirs: list[Row]) -> Iterator[str]:
    """The versions that only our tables have, of the products that the list has."""
    told = {(row["product"], row["version"]) for row in theirs}
    listed = {product for product, _ in told}
    for row in facts("versions"):
        if row["product"] in listed and (row["product"], row["version"]) not in told:
            yield f"{row['product']} {row['version']}"


def unknown_to_us() -> Iterator[str]:
    """What the installed botocore names and no table of ours knows: a reason to look."""
    session = botocore.session.get_session()
    runtimes = session.get_service_model("lambda").shape_for("Runtime").enum
    known = {row["version"] for row in facts("versions") if row["product"] == "aws-lambda"}
    yield from (f"aws-lambda {runtime}" for runtime in sorted({*runtimes} - known))
    types = session.get_service_model("ec2").shape_for("InstanceType").enum
    families = {each.partition(".")[0] for each in types}
    known = {row["family"] for row in facts("generations") if row["product"] == "amazon-ec2"}
    yield from (f"amazon-ec2 {family}" for family in sorted(families - known))


def main(path: str) -> int:
    """Print what differs; 1 where anything does."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        theirs = list(csv.DictReader(file))
    found = list(differences(theirs))
    for line in found:
        print(line)
    for name in unknown_to_them(theirs):
        print(f"note: {name} is only in our table")
    for name in unknown_to_us():
        print(f"note: botocore names {name}, and no table knows it")
    print(f"{len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
