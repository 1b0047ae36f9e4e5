// SPDX-License-Identifier: Apache-2.0
#include "loader/map_socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <iterator>
#include <string_view>

#include "targets/bpf/map_rows.h"

namespace bpfdump::loader {
namespace {

// By the kernel's numbers (Linux include/net/tcp_states.h), which sockets of all families use.
constexpr std::array<std::string_view, 14> kStates = {
    "",       "ESTAB",      "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2",   "TIME-WAIT",
    "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN",   "CLOSING",    "NEW-SYN-RECV", "BOUND-INACTIVE"};

std::string_view family_name(unsigned family) {
  switch (family) {
    case AF_UNIX:
      return "unix";
    case AF_INET:
      return "inet";
    case AF_INET6:
      return "inet6";
    case AF_NETLINK:
      return "netlink";
    case AF_PACKET:
      return "packet";
    case AF_VSOCK:
      return "vsock";
    default:
      return {};
  }
}

std::string_view type_name(unsigned type) {
  constexpr std::array<std::string_view, 6> kTypes = {"",    "stream", "dgram",
                                                      "raw", "rdm",    "seqpacket"};
  return type < kTypes.size() ? kTypes[type] : std::string_view();
}

std::string_view protocol_name(unsigned family, unsigned protocol) {
  if (family != AF_INET && family != AF_INET6) return {};
  switch (protocol) {
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_SCTP:
      return "sctp";
    case IPPROTO_MPTCP:
      return "mptcp";
    case IPPROTO_ICMP:
      return "icmp";
    case IPPROTO_ICMPV6:
      return "icmpv6";
    default:
      return {};
  }
}

void append_named(std::string_view key, std::string_view name, unsigned number, std::string& text) {
  if (name.empty()) {
    fmt::format_to(std::back_inserter(text), "\"{}\":{},", key, number);
  } else {
    fmt::format_to(std::back_inserter(text), "\"{}\":\"{}\",", key, name);
  }
}

void append_end(std::string_view key, int family, const __u8* address, unsigned port,
                std::string& text) {
  std::array<char, INET6_ADDRSTRLEN> name = {};
  ::inet_ntop(family, address, name.data(), name.size());
  const bool brackets = family == AF_INET6;
  fmt::format_to(std::back_inserter(text), ",\"{}\":\"{}{}{}:{}\"", key, brackets ? "[" : "",
                 name.data(), brackets ? "]" : "", port);
}

}  // namespace

void append_socket(const map_socket& socket, std::string& text) {
  text += '{';
  append_named("family", family_name(socket.family), socket.family, text);
  append_named("type", type_name(socket.type), socket.type, text);
  append_named("protocol", protocol_name(socket.family, socket.protocol), socket.protocol, text);
  append_named("state", socket.state < kStates.size() ? kStates[socket.state] : std::string_view(),
               socket.state, text);
  fmt::format_to(std::back_inserter(text), "\"netns\":{},\"inode\":{},\"cookie\":{}", socket.netns,
                 socket.inode, socket.cookie);
  if (socket.family == AF_INET || socket.family == AF_INET6) {
    append_end("local", socket.family, socket.local, socket.local_port, text);
    if (socket.peer_port != 0)
      append_end("peer", socket.family, socket.peer, socket.peer_port, text);
  }
  text += '}';
}

}  // namespace bpfdump::loader
