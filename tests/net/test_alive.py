"""The kernel asks whether the other end is there, and gives up what is not acknowledged."""

from __future__ import annotations

import socket

from smtps.net.alive import COUNT, IDLE, INTERVAL, keep_alive


def test_a_tcp_socket_has_all_options_and_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        keep_alive(server.fileno(), 2.5)

        def option(name: int) -> int:
            return server.getsockopt(socket.IPPROTO_TCP, name)

        assert server.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert option(socket.TCP_KEEPIDLE) == IDLE
        assert option(socket.TCP_KEEPINTVL) == INTERVAL
        assert option(socket.TCP_KEEPCNT) == COUNT
        assert option(socket.TCP_USER_TIMEOUT) == 2500


def test_a_local_socket_is_let_be() -> None:
    with socket.socket(socket.AF_UNIX) as wire:
        keep_alive(wire.fileno(), 2.5)
