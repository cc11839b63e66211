"""HTTP inwards: is it alive, is it working, and its numbers."""
