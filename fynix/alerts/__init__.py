"""What staff must hear of: rules over the figures, alerts as rows, and telling people and programs."""
