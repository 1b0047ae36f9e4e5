// SPDX-License-Identifier: Apache-2.0
//
// The built-in programs for one map's elements, with the text that is made of them, against
// bpftool and what system calls say.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <random>

#include "tests/kernel/bpf_kinds.h"
#include "tests/kernel/daemon.h"
#include "tests/kernel/json.h"

namespace bpfdump::test {
namespace {

using base::UniqueFd;

// A whole dump; an error where a read fails.
struct Dump {
  std::string text;
  int error = 0;
};

class MapElementsTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    BPFDUMP_REQUIRE(missing_program("bpftool"));
    maps_ = load_object(object_file("typed_maps"));
    ASSERT_TRUE(maps_);
  }

  int fd(const char* map) const {
    const int found = bpf_object__find_map_fd_by_name(maps_.get(), map);
    EXPECT_GE(found, 0) << map;
    return found;
  }

  // What a dumper of the target gives for this map.
  Dump dump(const std::string& target, int map) const {
    const std::string dumper =
        path(fmt::format("{}/map={}/{}", target, info_of<bpf_map_info>(map).id, ++dumpers_));
    EXPECT_EQ(::mkdir(dumper.c_str(), 0777), 0) << std::strerror(errno);
    const UniqueFd file(::open(dumper.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(file.valid()) << std::strerror(errno);
    Dump dump;
    std::vector<char> chunk(64 * 1024);
    for (;;) {
      const ssize_t size = ::read(file.get(), chunk.data(), chunk.size());
      if (size < 0) dump.error = errno;
      if (size <= 0) return dump;
      dump.text.append(chunk.data(), static_cast<std::size_t>(size));
    }
  }

  // As bpftool shows the map: the elements with their types, or the bytes where it has none.
  static std::vector<std::string> bpftool(int map) {
    const Outcome outcome =
        shell("bpftool -j map dump id " + std::to_string(info_of<bpf_map_info>(map).id));
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    std::vector<std::string> elements;
    for (const auto& element : json_array(outcome.output)) {
      const auto fields = json_object(element);
      if (fields.contains("formatted")) {
        elements.push_back(fields.at("formatted"));
      } else {
        elements.push_back("{\"key\":" + bytes(fields.at("key")) +
                           ",\"value\":" + bytes(fields.at("value")) + "}");
      }
    }
    std::sort(elements.begin(), elements.end());
    return elements;
  }
  // ["0x01","0xff"] -> "01 ff"
  static std::string bytes(const std::string& list) {
    std::string text;
    for (const auto& byte : json_array(list))
      text += (text.empty() ? "" : " ") + unquoted(byte).substr(2);
    return '"' + text + '"';
  }

  std::vector<std::string> elements(int map) const {
    const Dump made = dump("bpf_map_elem", map);
    EXPECT_EQ(made.error, 0) << std::strerror(made.error);
    auto lines = lines_of(made.text);
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  // Fills a map with elements of random bytes, of which many are zero as in real ones.
  void fill(int map, std::uint32_t count) {
    const bpf_map_info shape = info_of<bpf_map_info>(map);
    const bool is_array =
        shape.type == BPF_MAP_TYPE_ARRAY || shape.type == BPF_MAP_TYPE_PERCPU_ARRAY;
    const bool per_cpu = shape.type == BPF_MAP_TYPE_PERCPU_ARRAY ||
                         shape.type == BPF_MAP_TYPE_PERCPU_HASH ||
                         shape.type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
    const std::size_t values = per_cpu ? static_cast<std::size_t>(libbpf_num_possible_cpus()) *
                                             ((shape.value_size + 7) / 8 * 8)
                                       : shape.value_size;
    for (std::uint32_t i = 0; i < count; ++i) {
      std::string key = random_bytes(shape.key_size), value = random_bytes(values);
      if (is_array) std::memcpy(key.data(), &i, sizeof(i));
      ASSERT_EQ(bpf_map_update_elem(map, key.data(), value.data(), BPF_ANY), 0)
          << std::strerror(errno);
    }
  }
  std::string random_bytes(std::size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) {
      const auto number = random_();
      // Zeros, letters, and anything but what begins a character of UTF-8, which is text for us and
      // not for bpftool, and the backslash, for which bpftool writes a line feed.
      if (number % 3 == 1) byte = static_cast<char>('a' + number / 3 % 26);
      if (number % 3 == 2) byte = static_cast<char>(number / 3 % 0xc2);
      if (byte == '\\') byte = '/';
    }
    return bytes;
  }

  ObjectPtr maps_;
  mutable int dumpers_ = 0;
  std::minstd_rand random_;
};

TEST_F(MapElementsTest, AreThoseOfBpftoolInMapsOfAllTypes) {
  for (const char* const name : {"t_hash", "t_lru", "t_array", "t_percpu_hash", "t_percpu_array",
                                 "t_lru_percpu", "t_numbers", "t_untyped"}) {
    const int map = fd(name);
    fill(map, 250);
    const auto theirs = bpftool(map);
    EXPECT_GE(theirs.size(), 200u) << name;
    const auto ours = elements(map);
    ASSERT_EQ(ours.size(), theirs.size()) << name;
    for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_EQ(ours[i], theirs[i]) << name;
  }
}

TEST_F(MapElementsTest, AreTheVariablesInGlobalData) {
  for (const char* const section : {".data", ".bss"}) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, maps_.get()) {
      if (std::string_view(bpf_map__name(map)).ends_with(section)) break;
    }
    ASSERT_NE(map, nullptr) << section;
    const auto ours = elements(bpf_map__fd(map));
    ASSERT_EQ(ours.size(), 1u);
    EXPECT_EQ(ours, bpftool(bpf_map__fd(map)));
    EXPECT_TRUE(ours[0].starts_with("{\"value\":{\"" + std::string(section) + "\":[{\""))
        << ours[0];
  }
}

TEST_F(MapElementsTest, AnEmptyMapHasNone) {
  EXPECT_EQ(elements(fd("t_hash")), std::vector<std::string>());
  EXPECT_EQ(dump("sockmap", fd("t_sockmap")).text, "");
  EXPECT_EQ(dump("bpf_sk_storage_map", fd("t_storage")).text, "");
}

TEST_F(MapElementsTest, MayBeAlmostAsLargeAsTheKernelsBuffer) {
  const int map = fd("t_large");
  fill(map, 2);
  EXPECT_EQ(bpftool(map).size(), 2u);
  EXPECT_EQ(elements(map), bpftool(map));
}

TEST_F(MapElementsTest, ThatAreLargerAreAnError) {
  const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "t_too_large", 4, 32 * 1024, 1, nullptr));
  ASSERT_TRUE(map.valid()) << std::strerror(errno);
  const Dump made = dump("bpf_map_elem", map.get());
  EXPECT_EQ(made.error, E2BIG);
  EXPECT_EQ(made.text, "");
}

TEST_F(MapElementsTest, ManyAreReadOverManyReads) {
  const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_HASH, "t_many", 4, 600, 2000, nullptr));
  ASSERT_TRUE(map.valid()) << std::strerror(errno);
  fill(map.get(), 2000);
  EXPECT_EQ(elements(map.get()), bpftool(map.get()));
}

// --- Sockets ----------------------------------------------------------------------------------

class MapSocketsTest : public MapElementsTest {
 protected:
  // A connection over the loopback device: both ends.
  static std::array<UniqueFd, 2> connection(int family) {
    const UniqueFd listener(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address = {};
    address.ss_family = static_cast<sa_family_t>(family);
    socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (family == AF_INET) {
      reinterpret_cast<sockaddr_in*>(&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
      reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr = in6addr_loopback;
    }
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener.get(), any, size), 0) << std::strerror(errno);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener.get(), any, &size), 0);
    UniqueFd client(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(client.get(), any, size), 0) << std::strerror(errno);
    return {std::move(client), UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC))};
  }

  static std::string address(int socket, int (*ask)(int, sockaddr*, socklen_t*)) {
    sockaddr_storage address = {};
    socklen_t size = sizeof(address);
    EXPECT_EQ(ask(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
    std::array<char, INET6_ADDRSTRLEN> text = {};
    if (address.ss_family == AF_INET) {
      const auto& four = reinterpret_cast<const sockaddr_in&>(address);
      ::inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
      return std::string(text.data()) + ":" + std::to_string(ntohs(four.sin_port));
    }
    const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(six.sin6_port));
  }

  // A socket of ours as the system calls have it.
  static JsonObject identity(int socket) {
    const auto option = [&](int name) {
      int value = 0;
      socklen_t size = sizeof(value);
      EXPECT_EQ(::getsockopt(socket, SOL_SOCKET, name, &value, &size), 0) << std::strerror(errno);
      return value;
    };
    std::uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    EXPECT_EQ(::getsockopt(socket, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
    struct stat file = {}, net = {};
    EXPECT_EQ(::fstat(socket, &file), 0);
    EXPECT_EQ(::stat("/proc/self/ns/net", &net), 0);
    const int family = option(SO_DOMAIN);
    JsonObject fields = {{"family", family == AF_INET    ? "\"inet\""
                                    : family == AF_INET6 ? "\"inet6\""
                                                         : "\"unix\""},
                         {"type", option(SO_TYPE) == SOCK_STREAM ? "\"stream\"" : "\"dgram\""},
                         {"protocol", family == AF_UNIX                    ? "0"
                                      : option(SO_PROTOCOL) == IPPROTO_TCP ? "\"tcp\""
                                                                           : "\"udp\""},
                         {"state", "\"ESTAB\""},
                         {"netns", std::to_string(net.st_ino)},
                         {"inode", std::to_string(file.st_ino)},
                         {"cookie", std::to_string(cookie)}};
    if (family != AF_UNIX) {
      fields["local"] = '"' + address(socket, ::getsockname) + '"';
      fields["peer"] = '"' + address(socket, ::getpeername) + '"';
    }
    return fields;
  }

  // The sockets of a dump, by another field of theirs.
  static std::map<std::string, JsonObject> sockets(const Dump& made, const std::string& field) {
    EXPECT_EQ(made.error, 0) << std::strerror(made.error);
    std::map<std::string, JsonObject> all;
    for (const auto& line : lines_of(made.text)) {
      const auto row = json_object(line);
      EXPECT_EQ(row.size(), 2u) << line;
      all[row.at(field)] = json_object(row.at("socket"));
    }
    return all;
  }
};

TEST_F(MapSocketsTest, ValuesAreOfTheSocketsTheyWereGiven) {
  const int map = fd("t_storage");
  const auto four = connection(AF_INET), six = connection(AF_INET6);
  const UniqueFd local(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  std::map<std::string, JsonObject> expected;
  std::int16_t x = 0;
  for (const int socket : {four[0].get(), four[1].get(), six[0].get(), six[1].get(), local.get()}) {
    const std::array<std::int16_t, 2> value = {++x, -7};
    ASSERT_EQ(bpf_map_update_elem(map, &socket, value.data(), BPF_ANY), 0) << std::strerror(errno);
    expected["{\"x\":" + std::to_string(x) + ",\"y\":-7}"] = identity(socket);
  }
  expected["{\"x\":5,\"y\":-7}"]["state"] = "\"UNCONN\"";
  EXPECT_EQ(sockets(dump("bpf_sk_storage_map", map), "value"), expected);
}

TEST_F(MapSocketsTest, SocketsInMapsAreWhatTheyAre) {
  const auto four = connection(AF_INET), six = connection(AF_INET6);
  std::map<std::string, JsonObject> expected;
  std::uint32_t key = 3;
  for (const int socket : {four[0].get(), four[1].get(), six[0].get(), six[1].get()}) {
    key += 40;  // the places in between are empty
    const auto value = static_cast<std::uint64_t>(socket);
    for (const char* const map : {"t_sockmap", "t_sockhash"}) {
      ASSERT_EQ(bpf_map_update_elem(fd(map), &key, &value, BPF_ANY), 0) << std::strerror(errno);
    }
    // libbpf gives these maps no types.
    expected[fmt::format("\"{:02x} 00 00 00\"", key)] = identity(socket);
  }
  EXPECT_EQ(sockets(dump("sockmap", fd("t_sockmap")), "key"), expected);
  EXPECT_EQ(sockets(dump("sockmap", fd("t_sockhash")), "key"), expected);
}

}  // namespace
}  // namespace bpfdump::test
