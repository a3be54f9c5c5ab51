"""
`python -m bridge` is `dtmf-engine`.
"""

from bridge.cli.main import main


if __name__ == "__main__":
    main()
