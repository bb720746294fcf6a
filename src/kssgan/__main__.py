"""``python -m kssgan`` is the same as the console script."""

from kssgan.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
