"""What the product costs, each time against a named peer in the same run."""
