"""Pages of the registry, by what a person comes for: reading, moving production, labelling, files."""
