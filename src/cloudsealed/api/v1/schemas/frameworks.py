"""The shapes of frameworks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import Count, Few, FrameworkKey, Key, Many, Shape, Text, Word

_TITLE = "CIS Amazon Web Services Foundations Benchmark"


class Framework(Shape):
    """A framework of controls."""

    object: Literal["framework"] = Field(description="Always `framework`.")
    key: FrameworkKey = Field(description="Its key.")
    title: Text = Field(description="Its title.", examples=[_TITLE])
    version: Text = Field(description="Its version.", examples=["5.0.0"])
    provider: Text = Field(description="The cloud that it is about.", examples=["aws"])
    source: Text = Field(description="Who publishes it.", examples=["Center for Internet Security"])
    controls: Count = Field(description="How many controls it has.", examples=[62])
    controls_with_policies: Count = Field(
        description="How many of them policies judge.", examples=[41]
    )


class ControlAssessment(Shape):
    """A control, and its status in an audit."""

    id: Word = Field(description="The control's id.", examples=["5.3"])
    title: Text = Field(description="What it asks for.", examples=["No SSH from the internet"])
    section: Word = Field(description="The id of its section.", examples=["5"])
    level: Count | None = Field(
        description="Its level; null where the framework has none.", examples=[1]
    )
    manual: bool = Field(description="Whether only a person can judge it.", examples=[False])
    responsibility: Literal["customer", "shared", "provider"] = Field(
        description="Who answers for it; what only the provider does is inherited: its own audit "
        "reports are the evidence.",
        examples=["customer"],
    )
    policies: Few[Key] = Field(
        description="The policies that judge it.", examples=[["aws-ec2-sg-ssh-open"]]
    )
    status: Literal["passing", "failing", "unknown", "manual", "not_assessed"] = Field(
        description="How it stands in the audit; without one `manual` or `not_assessed`.",
        examples=["failing"],
    )
    failing: Count = Field(description="Resources that fail one of its policies.", examples=[2])
    passing: Count = Field(description="Resources that pass them.", examples=[14])
    unknown: Count = Field(description="Verdicts that are unknown.", examples=[0])


class ControlCounts(Shape):
    """Controls by status."""

    passing: Count = Field(description="Everything passes.", examples=[30])
    failing: Count = Field(description="Something fails.", examples=[12])
    unknown: Count = Field(
        description="Nothing fails, and something could not be read.", examples=[2]
    )
    manual: Count = Field(description="Only a person can judge it.", examples=[11])
    not_assessed: Count = Field(description="Nothing judges it.", examples=[7])


class FrameworkSection(Shape):
    """A part of a framework."""

    id: Word = Field(description="The section's id.", examples=["5"])
    title: Text = Field(description="What its controls are about.", examples=["Networking"])


class FrameworkAssessment(Shape):
    """A framework with each control's status in an audit."""

    object: Literal["framework"] = Field(description="Always `framework`.")
    key: FrameworkKey = Field(description="Its key.")
    title: Text = Field(description="Its title.", examples=[_TITLE])
    version: Word = Field(description="Its version.", examples=["5.0.0"])
    provider: Word = Field(description="The cloud that it is about.", examples=["aws"])
    source: Text = Field(description="Who publishes it.", examples=["Center for Internet Security"])
    sections: Few[FrameworkSection] = Field(description="Its parts, in order.")
    controls: Many[ControlAssessment] = Field(description="Each control.")
    controls_with_policies: Count = Field(
        description="How many of them policies judge.", examples=[41]
    )
    counts: ControlCounts = Field(description="The controls by status.")
