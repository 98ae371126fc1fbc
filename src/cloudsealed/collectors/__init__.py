"""What there is in a cloud: rows of data say which calls are made and which attributes they fill.

`walk` turns one row and one place into snapshots, from live answers or from stored ones alike.
This package stores nothing and judges nothing.
"""
