"""Documents in, units out: checks at the door, sentences, words, speakers, files."""
