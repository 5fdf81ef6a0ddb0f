"""From the outputs of a detector's heads to boxes in a picture."""
