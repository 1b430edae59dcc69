"""``python -m scamdetect``, which is the command ``scamdetect``."""

from scamdetect.cli import main

if __name__ == "__main__":
    main()
