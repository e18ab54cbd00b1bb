"""What people read of a dataset: its card, its figures, its pictures."""
