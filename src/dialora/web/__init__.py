"""What every server of ours needs: sockets, settings, headers, and connections that nobody holds for nothing.

Knows no application.
"""
