"""The client of a server: each operation of the API is a command.

`derive.py` writes the operations down in `operations.json`, so that a command imports no server.
"""
