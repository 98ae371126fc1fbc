"""The web pages: login, consent, what a user's apps may do. Server-rendered, without JavaScript."""

from cloudsealed.console.pages import Console

__all__ = ["Console"]
