"""What an audit keeps: its ledger, its blocks, its cells, and how they are read. Only rows."""
