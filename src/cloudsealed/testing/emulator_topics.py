"""Has the emulator count a topic's subscriptions, which moto leaves at 0; all are confirmed."""

from __future__ import annotations

from moto.sns.models import Topic


def install() -> None:
    """Have this process's moto answer in GetTopicAttributes how many subscriptions there are."""
    Topic.subscriptions_confimed = property(  # type: ignore[assignment]
        _subscriptions, lambda _topic, _count: None
    )


def _subscriptions(topic: Topic) -> int:
    subscribed = topic.sns_backend.subscriptions.values()
    return sum(each.topic_arn == topic.arn for each in subscribed)
