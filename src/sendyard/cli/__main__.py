"""
`python -m sendyard.cli` is `sendyard`.
"""

from sendyard.cli.main import main

if __name__ == "__main__":
    main()
