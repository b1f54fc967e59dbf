"""Files and logs that go after a time: what would go, what stays and why, the warning before, and the going."""
