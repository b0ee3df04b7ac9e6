"""Where jobs are done: a launcher is one small file here, found by its name in `launch.engine`.

`launcher` is what all of them are, `process` a worker on this machine from its parent's side, `local` this machine.
"""

from dialora.config.extensions import import_modules

import_modules(__name__, __path__)
