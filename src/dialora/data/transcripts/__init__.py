"""Conversations as people have them: chats, captions, recognised speech, corpora and message logs → turns.

Takes a file of any of FORMATS, recognised by what it holds, a folder or zip file of them, or standard input. Gives
Conversations, in which everything that was found is a turn, merged into one, or left out and counted. Raises DataError,
one line, where nothing is said, nobody is named, or a file is of no known format.
"""

from dialora.data.transcripts.conversation import Conversation, Turn, parse_names, rename_speakers
from dialora.data.transcripts.dialogue import STYLES, Dialogue, Style, find_style, restore_names, to_dialogue
from dialora.data.transcripts.formats import FORMATS
from dialora.data.transcripts.reading import read_conversations

__all__ = [
    "FORMATS",
    "STYLES",
    "Conversation",
    "Dialogue",
    "Style",
    "Turn",
    "find_style",
    "parse_names",
    "read_conversations",
    "rename_speakers",
    "restore_names",
    "to_dialogue",
]
