"""``python -m deepxde_repnet`` is the command ``deepxde-repnet``."""

from .cli.app import main

main()
