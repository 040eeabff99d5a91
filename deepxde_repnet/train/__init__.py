"""What goes on while a network is trained."""
