"""Plays recorded episodes over sockets, many at once: `play.py PORT FILE` with the lines of `casebook run --record`.

It needs nothing but Python itself, as it runs where an image is built.
"""

import json
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

PLAYERS = 16


class Session:
    """One WebSocket (RFC 6455), as far as requests that are answered one by one need it."""

    def __init__(self, port: int, environment: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")
        self.socket.sendall(
            f"GET /envs/{environment}/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Y2FzZWJvb2sgcGxheXMhIQ==\r\n\r\n".encode()
        )
        if b" 101 " not in self.stream.readline():
            raise RuntimeError("no socket")
        while self.stream.readline() != b"\r\n":
            pass

    def ask(self, kind: str, data: dict) -> dict:
        text = json.dumps({"type": kind, "data": data}, separators=(",", ":")).encode()
        length = len(text)
        header = bytes([0x81, 0x80 | length]) if length < 126 else bytes([0x81, 0xFE]) + length.to_bytes(2, "big")
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))
        self.socket.sendall(header + mask + masked)
        length = self.stream.read(2)[1]
        if length >= 126:
            length = int.from_bytes(self.stream.read(2 if length == 126 else 8), "big")
        answer = json.loads(self.stream.read(length))
        if answer["type"] != "observation":
            raise RuntimeError(f"{text.decode()} was answered {answer}")
        return answer


def play(port: int, episodes: list) -> None:
    sessions = {name: Session(port, name) for name in {episode["environment"] for episode in episodes}}
    for episode in episodes:
        session = sessions[episode["environment"]]
        session.ask("reset", {"task_id": episode["task"], "seed": episode["seed"], **episode.get("arguments", {})})
        for action in episode["actions"]:
            session.ask("step", action)


def main() -> None:
    port, path = int(sys.argv[1]), sys.argv[2]
    with open(path, encoding="utf-8") as lines:
        episodes = [json.loads(line) for line in lines]
    with ThreadPoolExecutor(PLAYERS) as pool:
        for played in [pool.submit(play, port, episodes) for _ in range(PLAYERS)]:
            played.result()


if __name__ == "__main__":
    main()
