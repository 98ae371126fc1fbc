"""What a rule is given to judge, and why it said what it said."""
