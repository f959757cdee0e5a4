"""Documents in, units out: the door, sentences, words, speakers, files."""
