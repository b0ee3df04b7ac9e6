"""A study on the web: signed links, the rater's sheet, the owner's page.

Takes what is blind of a study and a store of events. Guarantees that nothing it serves to a rater comes from the key,
that a link opens one sheet and no other, and that an event is on disk before it is acknowledged.
"""
