"""`python -m dicube`: the command line."""

from dicube.cli import main

if __name__ == "__main__":
    main()
