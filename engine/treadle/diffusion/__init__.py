"""Masked-diffusion decoding: samplers as their sources have them, with masks that are exact at every hole."""
