"""What a document is made of: units that tile it, each with the earlier units that it is read with."""
