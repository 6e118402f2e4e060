#!/usr/bin/env bash
# Installs what the tests of the pages need: Chromium, fonts and PDF tools as Debian packages, and Python packages in
# .tools. Playwright's own browsers are not needed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/support/packages.sh

need chromium chromium
# Chromium's sandbox is a package of its own. As root the browser runs without it.
[[ -x /usr/lib/chromium/chrome-sandbox ]] || packages+=(chromium-sandbox)
need pdftoppm poppler-utils
# Names are written in many scripts.
for font in noto-core noto-cjk noto-color-emoji; do
  [[ -d /usr/share/doc/fonts-$font ]] || packages+=("fonts-$font")
done
tests/support/postgres.sh bindir >/dev/null 2>&1 || packages+=(postgresql)
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
install_packages

python_tools pages tests/pages/requirements.txt
