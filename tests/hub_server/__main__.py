"""Serves until it is told to stop: `python -m tests.hub_server FOLDER [PORT]`. Prints its URL."""

import sys
import threading

from tests.hub_server.server import HubServer

if __name__ == "__main__":
    with HubServer(sys.argv[1], port=int(sys.argv[2]) if len(sys.argv) > 2 else 0) as server:
        print(server.endpoint, flush=True)
        threading.Event().wait()
