"""GLIDE inpainting (Nichol et al. 2021, arXiv 2112.10741): a text-conditioned base model at 64 pixels and an
upsampler to 256 pixels, whose parameters have the names of OpenAI's published state dicts.
"""
