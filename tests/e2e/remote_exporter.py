"""`gateway`, or its upload of a folder alone, with the packages of a peer behind its own.

`python -m tests.e2e.remote_exporter PACKAGES export ...`, or `... PACKAGES upload FOLDER ADDRESS`.
"""

import site
import sys
from pathlib import Path

from gateway.cli.console import show_issues
from gateway.cli.main import main
from gateway.core.errors import FhirError
from gateway.export import upload

site.addsitedir(sys.argv.pop(1))
if sys.argv[1] == "upload":
    try:
        upload(Path(sys.argv[2]), sys.argv[3])
    except FhirError as error:
        show_issues(error.issues)
        sys.exit(1)
else:
    main()
