"""Does a text say what its sources say? One door: `verify`."""
