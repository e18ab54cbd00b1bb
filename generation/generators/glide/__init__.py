"""GLIDE's inpainting pair (Nichol et al. 2021, arXiv 2112.10741): a 64-pixel model that follows the text, and one
that brings its picture to 256 pixels. OpenAI's published weights load by their own names.
"""
