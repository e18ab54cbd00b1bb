"""The `generate` stage: carries a plan out, wave by wave."""
