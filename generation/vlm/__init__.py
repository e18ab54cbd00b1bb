"""Asks a VLM questions about images and reads its replies: Qwen2.5-VL on this machine, or an OpenAI-compatible
endpoint."""
