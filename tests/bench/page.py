"""The section about the web page: what tests/e2e/ui-load.mjs measures in Chromium."""

import json
import os
import shutil
import subprocess

from rig import BIN, ROOT, Failed

E2E = os.path.join(ROOT, "tests/e2e")


def ui(row):
    if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        print("  skipped: chromium is not installed (sudo scripts/install-deps)", flush=True)
        return
    if not os.path.exists(os.path.join(E2E, "node_modules/playwright-core")):
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=E2E, check=True)
    measuring = subprocess.Popen(["node", "ui-load.mjs", "--json"], cwd=E2E, stdout=subprocess.PIPE, text=True,
                                 env={**os.environ, "KOMODO_BUILD": os.path.dirname(BIN)})
    for line in measuring.stdout:
        if line.startswith("{"):
            figure = json.loads(line)
            row(figure["what"], figure["measured"], figure["goal"], figure["met"])
    if measuring.wait() != 0:
        raise Failed("ui-load.mjs ended with %d" % measuring.returncode)
