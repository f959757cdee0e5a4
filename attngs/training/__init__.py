"""Fine-tuning of a marker with LoRA: labelled examples in, an adapter out. `run.py` has the order in which things happen."""
