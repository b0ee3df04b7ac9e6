"""The page on which raters judge: served with a link, or one file that works without a server.

Takes a title and, for a file, the sheets as `serving.sheet` describes them; gives HTML that asks no other host for
anything. Whatever dialogues and summaries say reaches the page as text.
"""

from dialora.study.pages.page import build_page

__all__ = ["build_page"]
