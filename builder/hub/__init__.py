"""A dataset on the Hugging Face Hub: pushed, added to and pulled."""
