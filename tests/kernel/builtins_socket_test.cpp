// SPDX-License-Identifier: Apache-2.0
//
// The built-in programs for sockets and the examples that are /proc/net/{tcp,udp}* against these
// files and ss.
#include <algorithm>
#include <cstring>
#include <map>
#include <sstream>

#include "tests/kernel/compare.h"
#include "tests/kernel/daemon.h"
#include "tests/kernel/sockets.h"

namespace bpfdump::test {
namespace {

using Lines = std::vector<std::string>;

std::vector<std::string> cells_of(const std::string& line) {
  std::istringstream text(line);
  std::vector<std::string> cells;
  for (std::string cell; text >> cell;) cells.push_back(cell);
  return cells;
}

// Once what we say must be what they say before and after.
template <class Ours, class Theirs>
void expect_agreement(const Ours& ours, const Theirs& theirs, std::size_t at_least) {
  Lines before, said, after;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    before = theirs();
    said = ours();
    after = theirs();
    if (before == said && said == after) break;
  }
  EXPECT_EQ(before, after) << "the sockets do not stay as they are";
  EXPECT_EQ(said, before);
  EXPECT_GE(said.size(), at_least);
}

// --- Against ss ------------------------------------------------------------------------------

// "timer:(NAME,TIME,RETRANSMITS)" and "KEY:NUMBER" behind the addresses of a line of ss -neo.
std::map<std::string, std::string> details_of(const std::vector<std::string>& cells) {
  std::map<std::string, std::string> details = {{"timer", "- 0"}, {"uid", "0"}, {"ino", "0"}};
  for (std::size_t at = 5; at < cells.size(); ++at) {
    const auto colon = cells[at].find(':');
    std::string value = cells[at].substr(std::min(colon, cells[at].size() - 1) + 1);
    if (cells[at].starts_with("timer:(")) {
      const auto end = value.rfind(',');
      value = value.substr(1, value.find(',') - 1) + " " +
              value.substr(end + 1, value.size() - end - 2);
    }
    details[cells[at].substr(0, colon)] = value;
  }
  return details;
}

// A socket as one line: family, state, queues, the timer and retransmits of TCP, uid, inode, ends.
Lines sorted_lines_of_ss(const std::string& output, bool tcp) {
  Lines lines;
  for (const auto& line : lines_of(output)) {
    const auto cells = cells_of(line);
    if (cells.size() < 5) continue;
    auto details = details_of(cells);
    const bool six = cells[3][0] == '[' || cells[3][0] == '*';
    // Of a request, ss does not tell the user; we have the listener's, as /proc/net/tcp.
    if (cells[0] == "SYN-RECV") details["uid"] = "listener";
    lines.push_back((six ? "inet6 " : "inet ") + cells[0] + " " + cells[1] + " " + cells[2] + " " +
                    (tcp ? details["timer"] + " " : "") + details["uid"] + " " + details["ino"] +
                    " " + cells[3] + " " + cells[4]);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

// The same of our table.
Lines sorted_lines_of_table(const std::string& table, bool tcp) {
  Lines lines;
  for (const auto& line : lines_of(table)) {
    auto cells = cells_of(line);
    if (cells.at(0) == "FAMILY") continue;
    if (cells.at(1) == "SYN-RECV") cells.at(6) = "listener";
    if (!tcp) cells.erase(cells.begin() + 4);  // drops, which ss has only with other words
    std::string joined;
    for (const auto& cell : cells) joined += (joined.empty() ? "" : " ") + cell;
    lines.push_back(joined);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

class SocketsTest : public OwnNetworkTest {
 protected:
  void SetUp() override {
    BPFDUMP_REQUIRE(missing_program("ss"));
    OwnNetworkTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    sh("ip addr add fe80::77/64 dev lo nodad");
  }

  // Waits until the kernel has come to all these states.
  void expect_tcp_states() const {
    const std::set<std::string> expected = {"ESTAB",      "SYN-SENT",   "SYN-RECV",
                                            "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
                                            "CLOSE-WAIT", "LAST-ACK",   "LISTEN"};
    const auto states = [&] {
      std::set<std::string> seen;
      for (const auto& line : lines_of(sh("ss -tanH"))) seen.insert(cells_of(line).at(0));
      return seen;
    };
    EXPECT_TRUE(eventually([&] { return states() == expected; }))
        << testing::PrintToString(states());
  }

  Sockets sockets_;
};

TEST_F(SocketsTest, TcpAgreesWithSsOnEveryState) {
  sh("mkdir $M/tcp/t");
  make_tcp_sockets(sockets_);
  expect_tcp_states();
  expect_agreement([&] { return sorted_lines_of_table(read_file(path("tcp/t")), true); },
                   [&] { return sorted_lines_of_ss(sh("ss -taneoH"), true); }, 700);
}

TEST_F(SocketsTest, UdpAgreesWithSs) {
  sh("mkdir $M/udp/u");
  make_udp_sockets(sockets_);
  expect_agreement([&] { return sorted_lines_of_table(read_file(path("udp/u")), false); },
                   [&] { return sorted_lines_of_ss(sh("ss -uaneoH"), false); }, 300);
}

TEST_F(SocketsTest, UdpDropsAreThoseInProc) {
  sh("mkdir $M/udp/u");
  make_udp_sockets(sockets_);
  // By inode.
  const std::string ours = sh("awk 'NR > 1 { print $7, $5 }' $M/udp/u | sort");
  const std::string theirs =
      sh("for f in udp udp6; do awk 'NR > 1 { print $10, $13 }' /proc/net/$f; done | sort");
  EXPECT_EQ(ours, theirs);
  EXPECT_NE(sh("awk 'NR > 1 && $5 > 10' $M/udp/u"), "") << "nothing was dropped";
}

TEST_F(SocketsTest, TablesAreOneHeaderWhereThereIsNoSocket) {
  sh("mkdir $M/tcp/t $M/udp/u");
  EXPECT_EQ(sh("ss -tuanH"), "");
  const std::string rest = "        UID      INODE LOCAL                          PEER\n";
  EXPECT_EQ(read_file(path("tcp/t")),
            "FAMILY STATE          RECV-Q     SEND-Q TIMER     RETRANS" + rest);
  EXPECT_EQ(read_file(path("udp/u")), "FAMILY STATE          RECV-Q     SEND-Q      DROPS" + rest);
}

TEST_F(SocketsTest, DevicesCanHaveAnyName) {
  BPFDUMP_REQUIRE(add_devices({"fifteen_bytes__", "$(printf 'a\\033b')"}));
  sh("mkdir $M/udp/u");
  for (const char* const name : {"fifteen_bytes__", "a\033b"}) {
    const int socket = sockets_.make(AF_INET6, SOCK_DGRAM);
    ASSERT_EQ(::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, name, std::strlen(name)), 0);
    const auto any = SocketAddress::inet("::", 7);
    ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&any.bytes), any.size), 0);
  }
  EXPECT_EQ(sh("awk 'NR > 1 { print $8 }' $M/udp/u | sort"), "*%a?b:7\n*%fifteen_bytes__:7\n");
  // Of a device that is gone, the number is left.
  const std::string index =
      sh("cat /sys/class/net/fifteen_bytes__/ifindex 2> $ROOT/e || "
         "ip -o link show fifteen_bytes__ | cut -d: -f1");
  sh("ip link del fifteen_bytes__");
  EXPECT_EQ(sh("awk 'NR > 1 { print $8 }' $M/udp/u | sort"),
            "*%" + index.substr(0, index.size() - 1) + ":7\n*%a?b:7\n");
}

// --- Against /proc ---------------------------------------------------------------------------

TEST_F(SocketsTest, UnixIsTheFileInProc) {
  sh("mkdir $M/unix/u");
  expect_same(path("unix/u"), "/proc/net/unix");
  make_unix_sockets(sockets_, daemon_.root());
  EXPECT_GT(sockets_.size(), 600u);
  expect_same(path("unix/u"), "/proc/net/unix");
  EXPECT_GT(lines_of(read_file(path("unix/u"))).size(), sockets_.size());
}

TEST_F(SocketsTest, UnixIsWholeWithManySocketsInABucketOrAnErrorWithTooMany) {
  sh("mkdir $M/unix/u");
  make_unix_sockets(sockets_, daemon_.root());
  make_unix_crowd(sockets_, 150);
  expect_same(path("unix/u"), "/proc/net/unix");
  sockets_ = Sockets();
  make_unix_crowd(sockets_, 1000);
  const Outcome outcome = try_sh("cat $M/unix/u");
  // A kernel that goes on within a bucket has no limit.
  if (outcome.status == 0) {
    EXPECT_EQ(outcome.output, read_file("/proc/net/unix"));
  } else {
    EXPECT_EQ(outcome.errors, "cat: " + path("unix/u") + ": Argument list too long\n");
  }
}

// The kernel leaves out the rest of a hash bucket where its buffer is full.
TEST_F(SocketsTest, UnixProgramsOfUsersAreWholeOrAnError) {
  sh("cp $OBJECTS/unix_lines.bpf.o $M/unix/l");
  make_unix_crowd(sockets_, 100);
  EXPECT_GE(lines_of(read_file(path("unix/l"))).size(), 100U);
  sockets_ = Sockets();
  make_unix_crowd(sockets_, 1000);
  const Outcome outcome = try_sh("cat $M/unix/l");
  EXPECT_EQ(outcome.errors, "cat: " + path("unix/l") + ": Argument list too long\n");
}

// A line without the time until its timer expires, and that time.
std::pair<std::string, unsigned long> split_time(std::string line) {
  // "sl: local remote st tx:rx tr:when ...": behind the third colon from the state on.
  const auto queues = line.find(':', line.find(':', line.find(':', line.find(':') + 1) + 1) + 1);
  const auto when = line.find(':', queues + 1) + 1;
  const unsigned long time = std::stoul(line.substr(when, 8), nullptr, 16);
  return {line.replace(when, 8, "????????"), time};
}

bool is_between(const Lines& before, const Lines& ours, const Lines& after) {
  if (before.size() != ours.size() || ours.size() != after.size()) return false;
  if (before[0] != ours[0]) return false;
  for (std::size_t at = 1; at < ours.size(); ++at) {
    const auto [line_before, time_before] = split_time(before[at]);
    const auto [line, time] = split_time(ours[at]);
    const auto [line_after, time_after] = split_time(after[at]);
    if (line_before != line || line != line_after) return false;
    if (time_before < time || time < time_after) return false;
  }
  return true;
}

class ProcExamplesTest : public SocketsTest {
 protected:
  void SetUp() override {
    // TCP's times need to know HZ.
    if (shell("test -e /proc/config.gz || test -e /boot/config-$(uname -r)").status != 0)
      GTEST_SKIP() << "the kernel's configuration is not to be found";
    SocketsTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    sh("for p in tcp4 tcp6; do cp $EXAMPLES/$p.bpf.o $M/tcp/$p; done;"
       "for p in udp4 udp6; do cp $EXAMPLES/$p.bpf.o $M/udp/$p; done");
  }

  enum Order { kSame, kAny };

  void expect_file_of_proc(const std::string& example, const std::string& file, Order order,
                           std::size_t at_least) const {
    const auto look = [&](const std::string& name) {
      auto lines = lines_of(read_file(name));
      if (order == kAny && !lines.empty()) std::sort(lines.begin() + 1, lines.end());
      return lines;
    };
    Lines before, ours, after;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      before = look("/proc/net/" + file);
      ours = look(path(example));
      after = look("/proc/net/" + file);
      if (is_between(before, ours, after)) break;
    }
    EXPECT_TRUE(is_between(before, ours, after))
        << example << testing::PrintToString(before) << "\n"
        << testing::PrintToString(ours);
    EXPECT_GE(ours.size(), at_least);
  }

  void expect_files_of_proc(std::size_t four, std::size_t six) const {
    expect_file_of_proc("tcp/tcp4", "tcp", kSame, four);
    expect_file_of_proc("tcp/tcp6", "tcp6", kSame, six);
    // /proc goes by the hash of the port, and newer iterators by that of address and port.
    expect_file_of_proc("udp/udp4", "udp", kAny, four);
    expect_file_of_proc("udp/udp6", "udp6", kAny, six);
  }
};

TEST_F(ProcExamplesTest, AreTheFilesInProcWithSocketsInEveryState) {
  make_tcp_sockets(sockets_);
  make_udp_sockets(sockets_);
  expect_tcp_states();
  expect_files_of_proc(100, 200);
}

TEST_F(ProcExamplesTest, AreAHeaderWithoutSocketsOfTheirFamily) {
  expect_files_of_proc(1, 1);
  {
    Sockets six;
    six.listening(SOCK_STREAM, SocketAddress::inet("::1", 10), 1);
    six.bound(SOCK_DGRAM, SocketAddress::inet("::1", 10));
    expect_files_of_proc(1, 2);
  }
  sockets_.listening(SOCK_STREAM, SocketAddress::inet("127.0.0.1", 10), 1);
  sockets_.bound(SOCK_DGRAM, SocketAddress::inet("127.0.0.1", 10));
  expect_files_of_proc(2, 1);
}

TEST_F(ProcExamplesTest, CountTheirLinesForEachReader) {
  make_tcp_sockets(sockets_);
  expect_tcp_states();
  const std::string expected = sh("awk 'NR > 1 { print $1 }' /proc/net/tcp6");
  sh("for i in 1 2 3 4 5 6; do awk 'NR > 1 { print $1 }' $M/tcp/tcp6 > $ROOT/$i & done; wait");
  for (const char* const i : {"1", "2", "3", "4", "5", "6"})
    EXPECT_EQ(read_file(daemon_.root() + "/" + i), expected) << i;
}

}  // namespace
}  // namespace bpfdump::test
