"""Tables, figures and a static page from stored runs; nothing here samples."""
