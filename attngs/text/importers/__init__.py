"""One importer a kind of file: bytes in, documents out. `attngs.text.files` opens the files."""
