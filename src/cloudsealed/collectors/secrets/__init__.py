"""What is a secret: decided by the value first, and by its name only where the value can be one."""

from cloudsealed.collectors.secrets.detect import kinds_of

__all__ = ["kinds_of"]
