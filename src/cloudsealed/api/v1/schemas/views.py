"""The shape of saved views."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import Failure, Few, Shape, Text, Time, UserId, ViewId, Word
from cloudsealed.views.bodies import COLUMNS, GROUP_BY, OF, SHARED, VIEW_NAME
from cloudsealed.vocabulary import ViewOf


class View(Shape):
    """A list as somebody saved it."""

    id: ViewId = Field(description="The view's id.")
    object: Literal["view"] = Field(description="Always `view`.")
    name: Word = Field(description=VIEW_NAME, examples=["Open and critical"])
    of: ViewOf = Field(description=OF, examples=["findings"])
    query: dict[str, Few[Word]] = Field(
        description="What the list is asked: for each parameter its values.",
        examples=[{"severity": ["critical", "high"], "sort": ["-severity"]}],
    )
    group_by: Word | None = Field(description=GROUP_BY, examples=["policy"])
    columns: Few[Word] | None = Field(description=COLUMNS, examples=[["where", "first_seen"]])
    shared: bool = Field(description=SHARED, examples=[False])
    owner_id: UserId = Field(
        description="Who saved it. What is shared stays when they are removed."
    )
    path: Text = Field(
        description="The request that lists what it shows, to be sent with GET.",
        examples=["/v1/findings?severity=critical&severity=high&sort=-severity"],
    )
    error: Failure | None = Field(
        description="Why the list refuses its query by now, as after an upgrade; null: it does not."
    )
    created_at: Time = Field(description="When it was saved.")
    updated_at: Time = Field(description="When it was last changed.")
