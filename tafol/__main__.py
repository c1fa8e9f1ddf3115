"""`python -m tafol`: the command line."""

from tafol.cli import main

if __name__ == "__main__":
    main()
