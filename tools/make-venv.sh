#!/bin/sh
# usage: make-venv.sh DIRECTORY [PYTHON]
# Make a virtual environment with a Python of 3.11 or later; where that cannot be, say what to install.
set -eu
directory=$1
wanted=${2:-}

is_recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

python=
for candidate in ${wanted:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if command -v "$candidate" >/dev/null && is_recent "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    found=none
    if command -v "${wanted:-python3}" >/dev/null; then
        found=$("${wanted:-python3}" --version 2>&1 || true)
    fi
    echo "Sendyard needs Python 3.11 or later; found: $found." >&2
    echo "Install one (Debian 12, Ubuntu 24.04: apt-get install python3 python3-venv; macOS: brew install python)" >&2
    echo "or name the one to use: make setup PYTHON=/path/to/python3" >&2
    exit 1
fi

# Debian and Ubuntu ship Python without the part that puts pip into a virtual environment.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing $package, which this Python lacks." >&2
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$package" >/dev/null
    else
        echo "This Python cannot make virtual environments. Install the missing part: sudo apt-get install $package" >&2
        exit 1
    fi
fi

"$python" -m venv --clear "$directory"
