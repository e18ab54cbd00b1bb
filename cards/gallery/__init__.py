"""Writes a packed dataset as a static website to look at: a grid with filters, and a page for every row.

The folder needs no server: browsers open its `index.html` from the disk. Since they read no JSON from there, the
facts lie in JavaScript files, each one call with a JSON value. The website's own files are in `page`.
"""
