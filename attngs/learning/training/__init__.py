"""`attngs train`: LoRA fine-tuning for evidence, answers or PerCE."""
