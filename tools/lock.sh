#!/bin/sh
# Write requirements/*.txt: every dependency of pyproject.toml at one version, with the hashes of all its files,
# for Python 3.11 and later on every platform. Neither an index nor an address is written into them.
set -eu
python3 -m venv build/lock
build/lock/bin/pip --disable-pip-version-check --quiet install uv

compile() {
    output=$1
    shift
    build/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
        pyproject.toml requirements/install.in "$@" --output-file "$output"
    {
        echo "# Written by \`make lock\` from pyproject.toml; do not edit."
        cat "$output"
    } >"$output.new"
    mv "$output.new" "$output"
}

compile requirements/runtime.txt
compile requirements/test.txt --extra test --constraint requirements/runtime.txt
