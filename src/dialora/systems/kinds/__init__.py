"""What can be a system, a class each, and which of them a name is.

finding.py        a name → one of those below
system.py         what all share, and a run's
runs.py           a run's folder, or an experiment's with its method
foreign.py        a model, or a PEFT adapter on its base, from a folder or the hub
converted.py      a folder that CTranslate2 loads
exported.py       what `dialora export` wrote
adapter_base.py   whether an adapter goes on a base
"""

from dialora.systems.kinds.finding import find_system, find_winner
from dialora.systems.kinds.system import RunSystem, System

__all__ = ["RunSystem", "System", "find_system", "find_winner"]
