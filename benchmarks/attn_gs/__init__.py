"""The study of Attn-GS (arXiv 2602.07778): what a short profile is worth to a reader."""
