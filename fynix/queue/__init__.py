"""Background work: rows are the truth, messages wake workers up, each piece runs in a child process."""
