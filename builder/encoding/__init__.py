"""Images and masks as the bytes that a shard holds, and back."""
