"""An AWS emulator, a sample estate and factories, for our tests and for users' own policies."""
