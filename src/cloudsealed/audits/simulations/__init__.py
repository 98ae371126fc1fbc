"""What a policy would do, told before it does it: past audits judged by it, nothing changed."""
