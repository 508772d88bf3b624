#!/bin/sh
# Install Chromium for tests that drive a real browser, where the system's package manager can.
set -eu
if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then
    echo "A browser is installed already."
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null
    chromium --version
else
    echo "Install Chromium yourself: sudo apt-get install chromium (Debian), brew install --cask chromium (macOS)." >&2
    exit 1
fi
