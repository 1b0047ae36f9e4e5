// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace bpfdump::test {

/// An address and port of IPv4, IPv6 ("fe80::1%lo" with a device), or a name of a unix socket, an
/// abstract one if it begins with NUL.
struct SocketAddress {
  static SocketAddress inet(const std::string& host, std::uint16_t port);
  static SocketAddress unix_name(const std::string& name);

  sockaddr_storage bytes = {};
  socklen_t size = 0;
};

/// Sockets that stay as they are until this ends. What can't be made is a failure of the test.
class Sockets {
 public:
  /// Raises the process's limit of open files as far as it goes.
  Sockets();
  /// A socket, not bound. All are non-blocking; accepted() waits for the connection to come.
  int make(int family, int type);
  int bound(int type, const SocketAddress& address);
  int listening(int type, const SocketAddress& address, int backlog);
  int connected(int type, const SocketAddress& to);
  int accepted(int listener);
  /// Two ends of a connection through `listener`, the one that connected first.
  std::pair<int, int> connection(int listener, int type = SOCK_STREAM);
  /// Two ends of socketpair(2), of unix sockets.
  void pair(int type);
  void close(int socket);

  [[nodiscard]] std::size_t size() const { return sockets_.size(); }

 private:
  std::vector<base::UniqueFd> sockets_;
};

/// Sends so many bytes, or all that fit without waiting.
void send_bytes(int socket, std::size_t count);
void send_what_fits(int socket);
void set_option(int socket, int level, int option, int value);

/// Fills the network namespace with TCP sockets in every state that can be had without losing a
/// packet, of IPv4, IPv6 and IPv4 through IPv6.
void make_tcp_sockets(Sockets& sockets);
/// With UDP sockets; the IPv6 addresses are of every shape.
void make_udp_sockets(Sockets& sockets);
/// With unix sockets; the files go into this directory.
void make_unix_sockets(Sockets& sockets, const std::string& directory);
/// With unix sockets that are all in one bucket of the kernel's table; a line for each in
/// /proc/net/unix has more than 150 bytes.
void make_unix_crowd(Sockets& sockets, int count);

}  // namespace bpfdump::test
