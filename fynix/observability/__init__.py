"""Logs with one request id from a person's click to the child process that trains."""
