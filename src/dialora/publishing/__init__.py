"""A trained system as others may have it: its folder with a card, and the upload to the hub.

Takes a run that has been compared. `run_facts` reads what is known of it, `choices` are those of who publishes, `card`
and `metadata` write both down, `folder` puts it beside the weights, `hub` sends that folder and nothing else.
"""

from dialora.publishing.choices import Choices, choose
from dialora.publishing.folder import write_folder
from dialora.publishing.hub import upload
from dialora.publishing.run_facts import RunFacts, read_facts

__all__ = [
    "Choices",
    "RunFacts",
    "choose",
    "read_facts",
    "upload",
    "write_folder",
]
