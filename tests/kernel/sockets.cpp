// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/sockets.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace bpfdump::test {
namespace {

const sockaddr* generic(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr*>(&address.bytes);
}

SocketAddress own_address(int socket) {
  SocketAddress address;
  address.size = sizeof(address.bytes);
  EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&address.bytes), &address.size), 0);
  return address;
}

void wait_for_input(int socket) {
  pollfd input = {socket, POLLIN, 0};
  EXPECT_EQ(::poll(&input, 1, 60'000), 1);
}

// A connection whose first end has bytes that the other, which does not read, has no room for.
std::pair<int, int> stuffed(Sockets& sockets, int listener) {
  const auto ends = sockets.connection(listener);
  send_what_fits(ends.first);
  return ends;
}

}  // namespace

SocketAddress SocketAddress::inet(const std::string& host, std::uint16_t port) {
  SocketAddress address;
  if (host.find(':') == host.npos) {
    auto& four = reinterpret_cast<sockaddr_in&>(address.bytes);
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET, host.c_str(), &four.sin_addr), 1) << host;
    address.size = sizeof(four);
  } else {
    const auto percent = std::min(host.find('%'), host.size());
    auto& six = reinterpret_cast<sockaddr_in6&>(address.bytes);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET6, host.substr(0, percent).c_str(), &six.sin6_addr), 1) << host;
    if (percent < host.size())
      six.sin6_scope_id = ::if_nametoindex(host.substr(percent + 1).c_str());
    address.size = sizeof(six);
  }
  return address;
}

SocketAddress SocketAddress::unix_name(const std::string& name) {
  SocketAddress address;
  auto& named = reinterpret_cast<sockaddr_un&>(address.bytes);
  named.sun_family = AF_UNIX;
  EXPECT_LE(name.size(), sizeof(named.sun_path));
  std::copy(name.begin(), name.end(), named.sun_path);
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  return address;
}

Sockets::Sockets() {
  rlimit limit = {};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

int Sockets::make(int family, int type) {
  sockets_.emplace_back(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  EXPECT_TRUE(sockets_.back().valid()) << std::strerror(errno);
  return sockets_.back().get();
}

int Sockets::bound(int type, const SocketAddress& address) {
  const int socket = make(address.bytes.ss_family, type);
  // Also addresses that this machine does not have.
  if (address.bytes.ss_family == AF_INET6) set_option(socket, IPPROTO_IPV6, IPV6_FREEBIND, 1);
  EXPECT_EQ(::bind(socket, generic(address), address.size), 0) << std::strerror(errno);
  return socket;
}

int Sockets::listening(int type, const SocketAddress& address, int backlog) {
  const int socket = bound(type, address);
  EXPECT_EQ(::listen(socket, backlog), 0) << std::strerror(errno);
  return socket;
}

int Sockets::connected(int type, const SocketAddress& to) {
  const int socket = make(to.bytes.ss_family, type);
  const bool done = ::connect(socket, generic(to), to.size) == 0;
  EXPECT_TRUE(done || errno == EINPROGRESS) << std::strerror(errno);
  return socket;
}

int Sockets::accepted(int listener) {
  wait_for_input(listener);
  sockets_.emplace_back(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  EXPECT_TRUE(sockets_.back().valid()) << std::strerror(errno);
  return sockets_.back().get();
}

std::pair<int, int> Sockets::connection(int listener, int type) {
  const int first = connected(type, own_address(listener));
  return {first, accepted(listener)};
}

void Sockets::pair(int type) {
  std::array<int, 2> ends = {};
  EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()), 0) << std::strerror(errno);
  for (const int end : ends) sockets_.emplace_back(end);
}

void Sockets::close(int socket) {
  std::erase_if(sockets_, [&](const base::UniqueFd& fd) { return fd.get() == socket; });
}

void send_bytes(int socket, std::size_t count) {
  const std::string bytes(count, 'x');
  EXPECT_EQ(::send(socket, bytes.data(), count, 0), std::ssize(bytes)) << std::strerror(errno);
}

void send_what_fits(int socket) {
  const std::string bytes(65536, 'x');
  while (::send(socket, bytes.data(), bytes.size(), 0) > 0) continue;
  EXPECT_EQ(errno, EAGAIN) << std::strerror(errno);
}

void set_option(int socket, int level, int option, int value) {
  EXPECT_EQ(::setsockopt(socket, level, option, &value, sizeof(value)), 0) << std::strerror(errno);
}

void make_tcp_sockets(Sockets& sockets) {
  for (const char* const host : {"127.0.0.1", "::1", "::ffff:127.0.0.1"}) {
    // The third is another way to the addresses of the first.
    const auto address = [&](int port) {
      const int shift = std::strchr(host, '.') && std::strchr(host, ':') ? 100 : 0;
      return SocketAddress::inet(host, static_cast<std::uint16_t>(port + shift));
    };
    const int listener = sockets.listening(SOCK_STREAM, address(1000), 64);
    EXPECT_EQ(::fchown(listener, 1234, 0), 0);  // the kernel takes the socket's uid from there
    sockets.bound(SOCK_STREAM, address(999));   // neither listens nor is connected: in no table
    // ESTAB: with nothing, with bytes to read, with many to send (persist), with a keepalive timer.
    EXPECT_EQ(::fchown(sockets.connection(listener).first, 4'294'967'294, 0), 0);
    send_bytes(sockets.connection(listener).first, 1234);
    stuffed(sockets, listener);
    set_option(sockets.connection(listener).second, SOL_SOCKET, SO_KEEPALIVE, 1);
    // FIN-WAIT-2 and CLOSE-WAIT; the same of a socket that is closed; LAST-ACK and FIN-WAIT-1, with
    // bytes that have to be sent before the FIN.
    const auto half = sockets.connection(listener);
    send_bytes(half.first, 10);
    ::shutdown(half.first, SHUT_WR);
    sockets.close(sockets.connection(listener).first);
    const auto last = stuffed(sockets, listener);
    ::shutdown(last.second, SHUT_WR);
    sockets.close(last.first);
    sockets.close(stuffed(sockets, listener).first);
    // TIME-WAIT.
    const auto over = sockets.connection(listener);
    sockets.close(over.first);
    sockets.close(over.second);
    // LISTEN with connections that nobody accepts, and SYN-SENT, since the queue is full.
    const int full = sockets.listening(SOCK_STREAM, address(1001), 3);
    for (int i = 0; i < 5; ++i) sockets.connected(SOCK_STREAM, own_address(full));
    // SYN-RECV, until data come.
    const int patient = sockets.listening(SOCK_STREAM, address(1002), 16);
    set_option(patient, IPPROTO_TCP, TCP_DEFER_ACCEPT, 600);
    EXPECT_EQ(::fchown(patient, 77, 0), 0);
    for (int i = 0; i < 3; ++i) sockets.connected(SOCK_STREAM, address(1002));
    const int fast = sockets.listening(SOCK_STREAM, address(1003), 16);
    set_option(fast, IPPROTO_TCP, TCP_FASTOPEN, 5);
    set_option(fast, SOL_SOCKET, SO_BINDTOIFINDEX, static_cast<int>(::if_nametoindex("lo")));
    for (int i = 0; i < 100; ++i) sockets.connection(listener);
  }
  // Both families, and only one.
  const int both = sockets.listening(SOCK_STREAM, SocketAddress::inet("::", 2000), 16);
  sockets.connected(SOCK_STREAM, SocketAddress::inet("127.0.0.1", 2000));
  sockets.connected(SOCK_STREAM, SocketAddress::inet("::1", 2000));
  sockets.accepted(both);
  sockets.listening(SOCK_STREAM, SocketAddress::inet("0.0.0.0", 2001), 4096);
  const int only_six = sockets.make(AF_INET6, SOCK_STREAM);
  set_option(only_six, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  EXPECT_EQ(::listen(only_six, 1), 0);
  sockets.listening(SOCK_STREAM, SocketAddress::inet("fe80::77%lo", 2002), 16);
}

void make_udp_sockets(Sockets& sockets) {
  const std::vector<std::string> hosts = {"0.0.0.0",
                                          "127.0.0.1",
                                          "127.255.255.254",
                                          "::",
                                          "::1",
                                          "::ffff:127.0.0.1",
                                          "::2:1",
                                          "::ffff:0:1",
                                          "::102:304",
                                          "1::",
                                          "1::2:0",
                                          "0:0:1::",
                                          "::5:0:0:0:0",
                                          "fe80::77%lo",
                                          "2001:db8::1",
                                          "2001:db8:0:0:1:0:0:1",
                                          "2001:0:0:1:0:0:0:1",
                                          "64:ff9b::1.2.3.4",
                                          "0:1:2:3:4:5:6:7",
                                          "1:2:3:4:5:6:7:0",
                                          "1:0:2:3:4:5:6:7",
                                          "2001:db8:10:200:3000:4:5:6",
                                          "abcd:ef01:2345:6789:abcd:ef01:2345:6789"};
  std::uint16_t port = 1000;
  for (const auto& host : hosts) {
    const int socket = sockets.bound(SOCK_DGRAM, SocketAddress::inet(host, ++port));
    EXPECT_EQ(::fchown(socket, port, 0), 0);
  }
  for (const char* const host : {"127.0.0.1", "::1", "::ffff:127.0.0.1"}) {
    const auto address = SocketAddress::inet(host, ++port);
    const int full = sockets.bound(SOCK_DGRAM, address);
    set_option(full, SOL_SOCKET, SO_RCVBUF, 10000);
    const int sender = sockets.connected(SOCK_DGRAM, address);
    for (int i = 0; i < 100; ++i) send_bytes(sender, 500);  // the queue fills, the rest is dropped
    const int read = sockets.bound(SOCK_DGRAM, SocketAddress::inet(host, ++port));
    const int to_it = sockets.connected(SOCK_DGRAM, own_address(read));
    std::array<char, 2000> bytes = {};
    for (int i = 0; i < 9; ++i) send_bytes(to_it, 1000);
    wait_for_input(read);
    EXPECT_EQ(::recv(read, bytes.data(), bytes.size(), 0), 1000);  // deferred give-back
    const int on_lo = sockets.make(address.bytes.ss_family, SOCK_DGRAM);
    set_option(on_lo, SOL_SOCKET, SO_BINDTOIFINDEX, static_cast<int>(::if_nametoindex("lo")));
    const auto own = SocketAddress::inet(host, ++port);
    EXPECT_EQ(::bind(on_lo, generic(own), own.size), 0) << std::strerror(errno);
    for (int i = 0; i < 100; ++i) sockets.connected(SOCK_DGRAM, address);
  }
  sockets.make(AF_INET, SOCK_DGRAM);  // without a port: in no table
}

void make_unix_sockets(Sockets& sockets, const std::string& directory) {
  using namespace std::string_literals;
  const auto name = SocketAddress::unix_name;
  std::string controls = "\0\n\t\x1b[31m\x7f\xff every"s;
  for (char c = 1; c < ' '; ++c) controls += c;
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    const std::string kind = std::to_string(type);
    const std::string path = directory + "/" + kind;
    sockets.make(AF_UNIX, type);
    sockets.pair(type);
    for (const auto& abstract : {"\0plain"s, "\0a\0b\0"s, "\0"s + std::string(100, '\0'), controls})
      sockets.bound(type, name(abstract + kind));
    sockets.bound(type, name("\0"s + std::string(106, 'a') + kind));  // all of sun_path
    sockets.bound(type, name(path));
    sockets.bound(type, name(path + " \n\t\x1b[31m\x7f\xff"));
    // A path that leaves no room for its NUL, and one that just does.
    for (const std::size_t length : {107, 108})
      sockets.bound(type, name(path + std::string(length - path.size(), 'p')));
    const int listener = type == SOCK_DGRAM ? sockets.bound(type, name(path + "listener"))
                                            : sockets.listening(type, name(path + "listener"), 8);
    for (int i = 0; i < 3; ++i) sockets.connected(type, own_address(listener));
    if (type != SOCK_DGRAM) sockets.connection(listener, type);
    for (int i = 0; i < 200; ++i)
      sockets.bound(type, name("\0hundreds "s + kind + std::to_string(i)));
  }
}

void make_unix_crowd(Sockets& sockets, int count) {
  // The bucket of an abstract name is its checksum as of a packet: the order of its words does not
  // matter.
  const int words = 50;
  for (int first = 0; first < words; ++first) {
    for (int second = 0; second < words && count > 0; ++second) {
      if (first == second) continue;
      std::string name = std::string(1, '\0') + "x" + std::string(2 * words, '.');
      name.replace(2 + 2 * static_cast<std::size_t>(first), 2, "11");
      name.replace(2 + 2 * static_cast<std::size_t>(second), 2, "22");
      sockets.bound(SOCK_DGRAM, SocketAddress::unix_name(name));
      --count;
    }
  }
  EXPECT_EQ(count, 0);
}

}  // namespace bpfdump::test
