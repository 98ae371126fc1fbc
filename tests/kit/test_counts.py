from __future__ import annotations

from cloudsealed.kit.counts import Counts


def test_what_is_taken_is_counted_once_and_what_is_given_back_again() -> None:
    counts = Counts()
    counts.add("calls", service="s3", outcome="ok")
    counts.add("calls", 2, outcome="ok", service="s3")
    counts.add("calls", service="ec2", outcome="ok")
    s3, ec2 = (("calls", (("outcome", "ok"), ("service", name))) for name in ("s3", "ec2"))
    taken = counts.take()
    assert taken == {s3: 3, ec2: 1}
    assert counts.take() == {}
    counts.add("calls", service="s3", outcome="ok")
    counts.give_back(taken)
    assert counts.take() == {s3: 4, ec2: 1}
