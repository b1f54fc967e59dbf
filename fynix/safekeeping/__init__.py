"""Backups, restoring them, and the rules that hold for every database that is whole."""
