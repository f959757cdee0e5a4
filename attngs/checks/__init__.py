"""One file for each question that is asked of a sentence of a reply: figures, names, denial, content."""
