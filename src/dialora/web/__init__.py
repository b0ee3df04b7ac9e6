"""What every server of ours needs: sockets, and connections that nobody holds for nothing. Knows no application."""
