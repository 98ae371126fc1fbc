"""CloudSealed: audits cloud accounts in four dimensions and serves what it found."""

__version__ = "0.1.0"
