"""Version 1 of the API: one file a noun, each a table of operations. It only ever grows."""
