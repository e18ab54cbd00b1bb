"""The door to the VLM: Qwen2.5-VL on this machine, or any OpenAI-compatible endpoint."""
