from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsealed.kit.spreadsheet import unguarded
from cloudsealed.reports.kinds import remediation
from cloudsealed.reports.kinds.remediation import COLUMNS, LISTED, LISTED_IN_ALL
from cloudsealed.reports.model import Built, Document
from cloudsealed.reports.render import render_pdf
from cloudsealed.vocabulary import Severity

LOW = {"summary": "Do it.", "cli": None, "terraform": None, "effort": "low"}


def owned(owners: Mapping[int, str]) -> Any:
    """Return who owns resources, from the numbers of their findings."""

    def found(idents: Sequence[str]) -> dict[str, str]:
        numbers = {ident: int(ident.removeprefix("res_")) for ident in idents}
        return {ident: owners[n] for ident, n in numbers.items() if n in owners}

    return found


def as_json(built: Built) -> Document:
    document: Document = orjson.loads(b"".join(built.files["json"]))
    return document


def as_csv(built: Built) -> list[dict[str, str]]:
    text = b"".join(built.files["csv"]).decode()
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [{name: unguarded(cell) for name, cell in row.items()} for row in rows]


def order(document: Document) -> list[tuple[str, str | None]]:
    return [(step["policy"]["key"], step["owner"]) for step in document["steps"]]


def shown(built: Built) -> str:
    pages = pypdf.PdfReader(io.BytesIO(render_pdf(built.document))).pages
    return "".join("".join(page.extract_text() for page in pages).split())


def test_a_step_is_one_policy_one_owner_and_one_severity(
    make_finding: Any, make_source: Any
) -> None:
    findings = [
        make_finding(n, policy=f"policy-{n % 2}", severity="low" if n == 4 else "critical")
        for n in range(6)
    ]
    owners = owned({0: "web", 1: "web", 2: "data", 4: "web"})
    steps = remediation.build(make_source(findings, owners=owners)).document["steps"]
    assert {(s["policy"]["key"], s["owner"], s["severity"]): s["findings"] for s in steps} == {
        ("policy-0", "web", "critical"): 1,
        ("policy-0", "web", "low"): 1,
        ("policy-0", "data", "critical"): 1,
        ("policy-1", "web", "critical"): 1,
        ("policy-1", None, "critical"): 2,
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("critical", "high", 1), ("high", "low", 99)),  # the more severe, whatever it takes
        (("low", "high", 1), ("info", "low", 99)),
        (("high", "low", 1), ("high", "medium", 2)),  # 5 for 1 before 10 for 3
        (("high", "medium", 2), ("high", "high", 5)),  # 10 for 3 before 25 for 8
        (("high", "medium", 6), ("high", "low", 2)),  # of equals the more numerous
    ],
)
def test_the_severest_come_first_and_of_these_the_most_risk_for_the_effort(
    first: Any, second: Any, make_finding: Any, make_source: Any
) -> None:
    findings = [
        make_finding(
            100 * place + n, policy=key, severity=severity, remediation={**LOW, "effort": effort}
        )
        for place, (key, (severity, effort, count)) in enumerate([("z", first), ("a", second)])
        for n in range(count)
    ]
    assert order(remediation.build(make_source(findings)).document) == [("z", None), ("a", None)]


def test_equal_steps_come_by_key_and_owner_those_of_nobody_last(
    make_finding: Any, make_source: Any
) -> None:
    findings = [make_finding(n, policy="ab"[n % 2]) for n in range(6)]
    owners = owned({0: "web", 1: "web", 2: "data", 3: "data"})
    assert order(remediation.build(make_source(findings, owners=owners)).document) == [
        ("a", "data"),
        ("a", "web"),
        ("a", None),
        ("b", "data"),
        ("b", "web"),
        ("b", None),
    ]


def test_an_effort_that_no_policy_says_counts_as_medium(
    make_finding: Any, make_source: Any
) -> None:
    (step,) = remediation.build(make_source([make_finding(remediation=None)])).document["steps"]
    assert [step[name] for name in ("effort", "summary", "cli", "terraform")] == [
        "medium",
        None,
        None,
        None,
    ]


def test_a_plan_says_how_much_risk_is_gone_after_which_step(
    make_finding: Any, make_source: Any
) -> None:
    findings = [
        *(make_finding(n, policy="worst", remediation=LOW) for n in range(5)),
        *(make_finding(n, policy="bad", severity="high", remediation=LOW) for n in range(10, 18)),
        *(make_finding(n, policy="poor", severity="low", remediation=LOW) for n in range(20, 30)),
    ]
    document = remediation.build(make_source(findings)).document
    told = [(s["risk"], s["risk_share"], s["cumulative_risk_share"]) for s in document["steps"]]
    assert told == [(50, 0.5, 0.5), (40, 0.4, 0.9), (10, 0.1, 1.0)]
    assert document["milestones"] == [
        {"steps": 1, "risk_share": 0.5},
        {"steps": 2, "risk_share": 0.9},
    ]
    assert document["curve"] == [[1, 0.5], [2, 0.9], [3, 1.0]]
    assert document["weights"]["risk"]["critical"] == 10


def test_findings_that_are_no_risk_are_a_plan_all_the_same(
    make_finding: Any, make_source: Any
) -> None:
    built = remediation.build(make_source([make_finding(severity="info")]))
    assert built.document["steps"][0]["risk_share"] == 0.0
    assert built.document["milestones"] == []
    assert "1openfinding" in shown(built)


def test_owners_come_by_the_risk_that_they_can_remove(make_finding: Any, make_source: Any) -> None:
    euros = {"amount": "3.50", "currency": "EUR"}
    findings = [
        make_finding(1, monthly_savings=euros),
        make_finding(2, policy="b", severity="low", remediation={**LOW, "effort": "high"}),
        make_finding(3, policy="c", monthly_savings=euros),
        make_finding(4, policy="d", severity="medium"),
    ]
    source = make_source(findings, owners=owned({1: "web", 2: "web", 3: "web"}))
    web, nobody = remediation.build(source).document["owners"]
    assert (web["owner"], web["steps"], web["findings"], web["risk"]) == ("web", 3, 3, 21)
    assert web["efforts"] == {"low": 2, "medium": 0, "high": 1}
    assert web["first_steps"] == [1, 2, 4]
    assert web["monthly_savings"] == [{"amount": "7.00", "currency": "EUR"}]
    assert (nobody["owner"], nobody["severities"]["medium"]) == (None, 1)


def test_what_a_step_says_is_its_policys_newest_version(
    make_finding: Any, make_source: Any
) -> None:
    def of(version: int, number: int, severity: str) -> Any:
        policy = {"id": "pol_1", "key": "a", "version": version}
        remedy = {**LOW, "summary": f"version {version}"}
        return make_finding(number, severity=severity, remediation=remedy) | {"policy": policy}

    findings = [of(2, 1, "low"), of(3, 2, "low"), of(1, 3, "critical")]
    steps = remediation.build(make_source(findings)).document["steps"]
    assert [(step["summary"], step["severity"]) for step in steps] == [
        ("version 3", "critical"),
        ("version 3", "low"),
    ]


def test_the_pdf_shows_the_worst_of_a_step_and_counts_the_others(
    make_finding: Any, make_source: Any
) -> None:
    dear = {"monthly_savings": {"amount": "9.00", "currency": "USD"}}
    findings = (make_finding(n, **(dear if n == 700 else {})) for n in range(730))
    built = remediation.build(make_source(findings))
    (step,) = built.document["steps"]
    assert (len(step["resources"]), step["more"], step["findings"]) == (LISTED, 730 - LISTED, 730)
    assert step["resources"][0]["monthly_savings"] is not None
    assert "705morefindingsofthisstep" in shown(built)


def test_steps_share_the_rows_of_a_pdf_and_those_past_its_end_are_counted(
    make_finding: Any, make_source: Any
) -> None:
    findings = [make_finding(n, policy=f"policy-{n % 400:03d}") for n in range(8_000)]
    built = remediation.build(make_source(findings))
    document = built.document
    assert sum(len(step["resources"]) for step in document["steps"]) == LISTED_IN_ALL
    assert (len(document["steps"]), len(document["lines"])) == (50, 100)
    assert document["more"] == {"steps": 250, "findings": 5_000, "risk_share": 0.625}
    assert len(document["curve"]) <= 102
    assert document["curve"][-1] == [400, 1.0]
    assert "250moresteps" in shown(built)
    assert len(as_json(built)["steps"]) == 400


def test_owners_past_the_end_of_a_pdfs_table_are_counted(
    make_finding: Any, make_source: Any
) -> None:
    owners = {n: f"team-{n:03d}" for n in range(45)}
    source = make_source([make_finding(n) for n in owners], owners=owned(owners))
    built = remediation.build(source)
    assert built.document["more_owners"] == {"owners": 25, "findings": 25}
    assert "25moreowners" in shown(built)
    assert len(as_json(built)["owners"]) == 45


def test_a_second_step_of_a_policy_refers_to_what_the_first_said(
    make_finding: Any, make_source: Any
) -> None:
    findings = [make_finding(1), make_finding(2)]
    text = shown(remediation.build(make_source(findings, owners=owned({1: "web", 2: "data"}))))
    assert text.count("AllowSSHonlyfromthenetworksthatneedit.") == 1
    assert "issaidinstep1." in text


severities = st.sampled_from(["info", "low", "medium", "high", "critical"])
estates = st.lists(
    st.tuples(
        st.sampled_from("abcde"),
        severities,
        st.sampled_from(["web", "data", None]),
        st.sampled_from(["open", "open", "suppressed", "resolved"]),
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(estate=estates)
def test_every_open_finding_is_in_the_json_and_in_the_csv_once(
    estate: list[tuple[str, str, str | None, str]], make_finding: Any, make_source: Any
) -> None:
    findings = [
        make_finding(
            n,
            policy=policy,
            severity=severity,
            status=status,
            remediation={**LOW, "effort": {"a": "low", "b": "high"}.get(policy, "medium")},
        )
        for n, (policy, severity, _, status) in enumerate(estate)
    ]
    owners = owned({n: owner for n, (_, _, owner, _) in enumerate(estate) if owner})
    built = remediation.build(make_source(findings, owners=owners))
    document, rows = as_json(built), as_csv(built)
    listed = [
        (step["step"], item["finding_id"])
        for step in document["steps"]
        for item in step["resources"]
    ]
    opened = sorted(f["id"] for f in findings if f["status"] == "open")
    assert sorted(ident for _, ident in listed) == opened
    assert [(int(row["step"]), row["finding_id"]) for row in rows] == listed
    assert sum(step["findings"] for step in document["steps"]) == document["findings"]["open"]
    assert sum(step["risk"] for step in document["steps"]) == document["totals"]["risk"]
    assert sum(int(row["risk"]) for row in rows) == document["totals"]["risk"]
    assert sum(owner["findings"] for owner in document["owners"]) == len(opened)
    efforts = {"low": 1, "medium": 3, "high": 8}
    gains = [
        (Severity(s["severity"]).rank, s["risk"] / efforts[s["effort"]]) for s in document["steps"]
    ]
    assert gains == sorted(gains, reverse=True)
    assert len(
        {
            (*which, s["severity"])
            for which, s in zip(order(document), document["steps"], strict=True)
        }
    ) == len(gains)


@settings(max_examples=15)
@given(data=st.data())
def test_the_order_in_which_findings_arrive_changes_no_byte(
    data: st.DataObject, make_finding: Any, make_source: Any
) -> None:
    findings = [make_finding(n, policy=f"policy-{n % 3}") for n in range(40)]
    owners = owned({n: f"team-{n % 4}" for n in range(30)})
    files = [
        [b"".join(pieces) for pieces in remediation.build(source).files.values()]
        for source in (
            make_source(findings, owners=owners),
            make_source(data.draw(st.permutations(findings)), owners=owners),
        )
    ]
    assert files[0] == files[1]


def test_an_empty_plan_is_a_document_a_head_of_a_table_and_a_page(make_source: Any) -> None:
    built = remediation.build(make_source())
    assert as_json(built)["steps"] == []
    assert as_csv(built) == []
    assert "Nothingtorepair" in shown(built)
    (head,) = b"".join(remediation.build(make_source()).files["csv"]).decode().splitlines()
    assert head.split(",") == [column.name for column in COLUMNS]


def test_a_row_of_the_csv_says_what_where_whose_and_how(
    make_finding: Any, make_source: Any
) -> None:
    finding = make_finding(
        1,
        monthly_savings={"amount": "32.85", "currency": "USD"},
        triage={"state": "acknowledged"},
        controls=[{"framework": "cis", "control": "5.3"}, {"framework": "own", "control": "1"}],
    )
    (row,) = as_csv(remediation.build(make_source([finding], owners=owned({1: "web"}))))
    assert row == {
        "step": "1",
        "policy": "aws-ec2-sg-ssh-open",
        "title": finding["title"],
        "severity": "critical",
        "dimension": "security",
        "risk": "10",
        "effort": "low",
        "owner": "web",
        "account": "123456789012",
        "region": "eu-west-1",
        "resource_type": "aws.ec2.security_group",
        "native_id": finding["resource"]["native_id"],
        "name": "web-1",
        "finding_id": finding["id"],
        "first_seen_at": "2026-10-02T08:00:00.000Z",
        "monthly_savings": "32.85",
        "currency": "USD",
        "triage": "acknowledged",
        "remediation": finding["remediation"]["summary"],
        "caution": (
            "This deletes, cuts off or writes over something, and its policy does not say what:"
            " look before you run it."
        ),
        "first": "",
        "cli": (
            "aws ec2 revoke-security-group-ingress --group-id web-1 --protocol tcp"
            " --port 22 --cidr 0.0.0.0/0 --region eu-west-1"
        ),
        "terraform": finding["remediation"]["terraform"],
        "controls": "cis 5.3; own 1",
    }


def test_hostile_names_are_shown_as_they_are_in_the_pdf_and_run_nowhere_in_the_csv(
    hostile_names: Sequence[str], make_finding: Any, make_source: Any
) -> None:
    findings = [
        make_finding(
            n,
            policy=f"policy-{n}",
            name=name,
            title=name,
            description=name,
            remediation=dict.fromkeys(LOW, name) | {"effort": "low"},
        )
        for n, name in enumerate(hostile_names)
    ]
    titles = {f"policy-{n}": name for n, name in enumerate(hostile_names)}
    source = make_source(
        findings, owners=owned(dict(enumerate(hostile_names))), policy_titles=titles
    )
    built = remediation.build(source)
    text = shown(built)
    assert "root:x:0" not in text
    for name in ("#panic", "<script>alert(1)</script>", "a[U+202E]b", "nul[U+0000]bel[U+0007]"):
        assert text.count(name) > 5, name
    raw = b"".join(built.files["csv"]).decode()
    cells = [cell for row in csv.reader(io.StringIO(raw, newline="")) for cell in row]
    assert [cell for cell in cells if cell[:1] in {*"=+-@\t\r＝＋－＠"}] == []
    rows = as_csv(
        remediation.build(make_source(findings, owners=owned(dict(enumerate(hostile_names)))))
    )
    assert {row["owner"] for row in rows} == set(hostile_names)
    assert {row["cli"] for row in rows} == set(hostile_names)


def test_each_resource_has_its_own_commands_and_a_step_those_of_its_worst(
    make_finding: Any, make_source: Any
) -> None:
    remedy = {
        **LOW,
        "caution": "It is gone.",
        "first": "aws ec2 describe-security-groups --group-ids <GROUP_ID>",
        "cli": "aws ec2 delete-security-group --group-id <GROUP_ID>",
    }
    findings = [make_finding(n, name=f"sg-{n}", remediation=remedy) for n in range(5)]
    built = remediation.build(make_source(findings))
    (step,) = built.document["steps"]
    lines = [
        f"aws ec2 delete-security-group --group-id sg-{n} --region eu-west-1" for n in range(5)
    ]
    assert (step["cli"].split("\n"), step["commands_of"]) == (lines[:3], 3)
    text = shown(built)
    told = ("Careful", "Itisgone.", "describe-security-groups--group-idssg-0", "first3resources")
    assert [each for each in told if each not in text] == []
    assert "[U+" not in text, "a command a line"
    rows = as_csv(remediation.build(make_source(findings)))
    assert [row["cli"] for row in rows] == lines
    assert {row["caution"] for row in rows} == {"It is gone."}
    assert rows[4]["first"].split()[4] == "sg-4"
    (step,) = as_json(remediation.build(make_source(findings)))["steps"]
    assert [row["cli"] for row in step["resources"]] == lines


def test_a_plan_says_that_a_policy_of_ones_own_takes_something_away(
    make_finding: Any, make_source: Any
) -> None:
    remedies = {
        "own": {"summary": "Do it.", "cli": "kubectl delete pod <POD>"},
        "mild": {"summary": "Do it.", "cli": "kubectl get pod <POD>"},
    }
    findings = [
        make_finding(n, policy=key, remediation=remedy)
        for n, (key, remedy) in enumerate(remedies.items())
    ]
    built = remediation.build(make_source(findings))
    assert {s["policy"]["key"]: s["takes_away"] for s in built.document["steps"]} == {
        "own": True,
        "mild": False,
    }
    assert shown(built).count("Careful") == 1
