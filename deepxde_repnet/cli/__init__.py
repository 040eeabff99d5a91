"""The command ``deepxde-repnet``. Nothing here is imported by the rest of the package."""
