"""Systems served over HTTP, with a page to use them by hand."""
