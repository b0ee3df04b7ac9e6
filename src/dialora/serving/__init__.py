"""Systems over HTTP: the conversations of all clients, summarized in common batches, and a page.

    app.py        routes, and what OpenAPI says of them; guard.py stands around every answer
    bodies.py     a request's body, counted and timed while it arrives; forms.py and schema.py: what it says
    inputs.py     text, turns or a file → what is summarized; unpacking.py: how much a packed file holds
    service.py    requests in threads, bounded; places in the queues; what a client that hangs up leaves
    batcher.py    sources of all requests → batches for one engine; waiting.py: which are next
    answers.py    summaries → what is answered, with what nobody said and the turns behind each sentence
    served.py     the systems that are served; loading.py makes them ready
    server.py     the server, and how it ends
    pages/        the page at /

One process; nothing is stored, nothing is sent out, and no text of a request is logged.
"""
