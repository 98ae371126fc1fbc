"""`python -m cloudsealed` is the command `cloudsealed`."""

from cloudsealed.cli.main import main

if __name__ == "__main__":
    main()
