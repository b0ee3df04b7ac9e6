"""The page at `/` of a server: a conversation and its summaries by every system served, side by side.

Takes nothing, gives one HTML document that asks its own server (`v1/systems`, `v1/summaries`) and no other host for
anything. Whatever conversations and summaries say reaches it as text.
"""

from dialora.serving.pages.page import Page, load_page

__all__ = ["Page", "load_page"]
