// SPDX-License-Identifier: Apache-2.0
//
// The built-in programs and the examples against what /proc, ps, ip, ss and bpftool say.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <latch>
#include <map>
#include <sstream>
#include <thread>
#include <tuple>

#include "tests/kernel/compare.h"
#include "tests/kernel/daemon.h"

namespace bpfdump::test {
namespace {

namespace fs = std::filesystem;
using base::UniqueFd;

class BuiltinsTest : public MountTest {};

// --- ipv6_route and netlink ------------------------------------------------------------------

TEST_F(BuiltinsTest, Ipv6RouteIsTheFileInProc) {
  sh("mkdir $M/ipv6_route/r");
  expect_same(path("ipv6_route/r"), "/proc/net/ipv6_route");
}

TEST_F(BuiltinsTest, NetlinkIsTheFileInProc) {
  sh("mkdir $M/netlink/n");
  expect_same(path("netlink/n"), "/proc/net/netlink");
}

class BuiltinsInOwnNetworkTest : public OwnNetworkTest {};

TEST_F(BuiltinsInOwnNetworkTest, Ipv6RouteAgreesOnEveryKindOfRoute) {
  sh("mkdir $M/ipv6_route/r");
  expect_same(path("ipv6_route/r"), "/proc/net/ipv6_route");
  BPFDUMP_REQUIRE(add_devices({"d0", "averyveryl0ngnm"}));
  sh("ip -6 addr add 2001:db8::1/64 dev d0 nodad;"
     "ip -6 addr add 2001:db8:1::1/64 dev averyveryl0ngnm nodad");
  sh(R"(ip -6 -batch - <<'END'
route add 2001:db8:100::/48 via 2001:db8::2 metric 77
route add blackhole 2001:db8:200::/48
route add prohibit 2001:db8:201::/48
route add unreachable 2001:db8:202::/48
route add throw 2001:db8:203::/48
route add 2001:db8:300::/48 nexthop via 2001:db8::3 weight 2 nexthop via 2001:db8:1::4
route add 2001:db8:400::/48 dev d0 mtu 1400 expires 1000
route add default via 2001:db8::9 proto static
route add 2001:db8:501::/48 via fe80::1 dev d0 src 2001:db8::1
nexthop add id 1 via 2001:db8::11 dev d0
nexthop add id 2 via 2001:db8:1::12 dev averyveryl0ngnm
nexthop add id 7 blackhole
nexthop add id 13 dev d0
rule add from 2001:db8:9::/48 table 123
route add 2001:db8:700::/48 via 2001:db8::2 table 123
END)");
  sh("ip nexthop add id 10 group 1/2 && ip nexthop add id 11 group 2,5/1");
  sh(R"(ip -6 -batch - <<'END'
route add 2001:db8:600::/48 nhid 1
route add 2001:db8:601::/48 nhid 10
route add 2001:db8:602::/48 nhid 11
route add 2001:db8:603::/48 nhid 13
route add 2001:db8:605::/48 nhid 7
END)");
  // Source routes need CONFIG_IPV6_SUBTREES, and the kernel of this machine may lack it.
  std::ignore = try_sh("ip -6 route add 2001:db8:500::/48 from 2001:db8:77::/56 via 2001:db8::5");
  ASSERT_GT(lines_of(read_file("/proc/net/ipv6_route")).size(), 25u);
  expect_same(path("ipv6_route/r"), "/proc/net/ipv6_route");
}

TEST_F(BuiltinsInOwnNetworkTest, Ipv6RouteAgreesOnThousandsOfRoutes) {
  sh("mkdir $M/ipv6_route/r");
  BPFDUMP_REQUIRE(add_devices({"d0"}));
  sh("ip -6 addr add 2001:db8::1/64 dev d0 nodad && "
     "ip nexthop add id 1 via 2001:db8::11 dev d0 && ip nexthop add id 10 group 1");
  sh("awk 'BEGIN { for (i = 0; i < 5000; i++) {"
     "printf \"route add 2001:db8:%x:%x::/64 via 2001:db8::2 metric %d\\n\","
     "       32768 + int(i / 100), i % 100, i + 1;"
     "if (i < 500) printf \"route add 2001:dba:%x::/48 nhid %d\\n\", i, i % 2 ? 10 : 1 } }' "
     "> $ROOT/batch && ip -6 -batch $ROOT/batch");
  const std::string expected = read_file("/proc/net/ipv6_route");
  ASSERT_GT(lines_of(expected).size(), 5500u);
  EXPECT_TRUE(read_file(path("ipv6_route/r")) == expected);
}

TEST_F(BuiltinsInOwnNetworkTest, NetlinkAgreesOnSocketsInManyStates) {
  sh("mkdir $M/netlink/n");
  std::vector<UniqueFd> sockets;
  const auto add = [&](int protocol, std::uint32_t groups, int receive_buffer) {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (fd < 0) return;  // not all protocols are everywhere
    sockets.emplace_back(fd);
    sockaddr_nl address = {};
    address.nl_family = AF_NETLINK;
    address.nl_groups = groups;
    EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    if (receive_buffer != 0)
      ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  };
  for (std::uint32_t i = 0; i < 30; ++i) {
    add(NETLINK_ROUTE, i << 3, 0);
    for (const int protocol :
         {NETLINK_XFRM, NETLINK_AUDIT, NETLINK_GENERIC, NETLINK_KOBJECT_UEVENT})
      add(protocol, 0, 0);
  }
  // One whose messages are waiting and one that lost some.
  add(NETLINK_ROUTE, ~0u, 0);
  add(NETLINK_ROUTE, ~0u, 1);
  sh("for i in 1 2 3 4 5 6 7 8 9; do ip link set lo down; ip link set lo up; done");
  const std::string expected = read_file("/proc/net/netlink");
  ASSERT_GE(lines_of(expected).size(), sockets.size());
  expect_same(path("netlink/n"), "/proc/net/netlink");
}

// --- task ------------------------------------------------------------------------------------

// A thread as ps has it, by its number.
using Threads = std::map<pid_t, std::vector<std::string>>;
enum Column { kTgid, kPid, kPpid, kState, kUid, kVsz, kRss, kComm, kColumns };

Threads threads_of(const std::string& table) {
  Threads threads;
  for (const auto& line : lines_of(table)) {
    std::istringstream cells(line);
    std::vector<std::string> row(kColumns);
    for (int column = 0; column < kComm; ++column) cells >> row[static_cast<std::size_t>(column)];
    cells.get();
    std::getline(cells, row[kComm]);
    if (row[kPid] != "PID") threads[std::stoi(row[kPid])] = row;
  }
  return threads;
}

bool agree(const std::vector<std::string>& ours, const std::vector<std::string>& of_ps) {
  for (std::size_t column = 0; column < kComm; ++column) {
    if (ours[column] != of_ps[column]) return false;
  }
  // A kernel thread's name in ps is longer than the 15 bytes that the kernel keeps in its task.
  const bool kernel_thread = ours[kVsz] == "0";
  return kernel_thread ? of_ps[kComm].starts_with(ours[kComm]) : of_ps[kComm] == ours[kComm];
}

// Whether the kernel lets root look into a process. A machine can guard some, and then has them
// hidden from BPF as well; these are nobody's to compare.
bool can_be_inspected(const std::string& tgid) {
  std::error_code error;
  std::ignore = fs::read_symlink("/proc/" + tgid + "/ns/pid", error);
  return error != std::errc::permission_denied;
}

class TaskTest : public BuiltinsTest {
 protected:
  // Starts a process with threads of these names; fills in their numbers. It is not this one, whose
  // memory changes with every look.
  static Child start_threads(const std::vector<std::string>& names, std::vector<pid_t>& numbers) {
    numbers.resize(names.size());
    const auto size = names.size() * sizeof(pid_t);
    int ends[2] = {};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd ready(ends[0]);
    const UniqueFd say(ends[1]);
    Child child([&] {
      std::latch named(std::ssize(names));
      std::vector<std::thread> threads;
      for (std::size_t at = 0; at < names.size(); ++at) {
        threads.emplace_back([&, at] {
          ::prctl(PR_SET_NAME, names[at].c_str());
          numbers[at] = static_cast<pid_t>(::syscall(SYS_gettid));
          named.count_down();
          ::pause();
        });
      }
      named.wait();
      if (::write(say.get(), numbers.data(), size) != static_cast<ssize_t>(size)) return 1;
      return ::pause();
    });
    EXPECT_EQ(::read(ready.get(), numbers.data(), size), static_cast<ssize_t>(size));
    return child;
  }
};

TEST_F(TaskTest, AgreesWithPsOnEveryThreadThatLivesThroughBoth) {
  BPFDUMP_REQUIRE(missing_program("ps"));
  sh("mkdir $M/task/t");
  std::vector<pid_t> numbers;
  const Child named = start_threads({"a\nb", "\x1b[31mred", "x\ty", "del\x7f", "fifteen_bytes__",
                                     "two words", "\xc3\xa9t\xc3\xa9"},
                                    numbers);
  Child stopped([] { return ::raise(SIGSTOP); });
  Child zombie([] { return 0; });
  Child other_user([] {
    static std::array<char, 10 << 20> memory;
    memory.fill(1);
    return ::setresuid(1, 12345, 2) == 0 ? ::pause() : 1;
  });
  pollfd ended = {zombie.pidfd(), POLLIN, 0};
  ASSERT_EQ(::poll(&ended, 1, -1), 1);

  const std::string command = "LC_ALL=C.UTF-8 ps -eLo pid,lwp,ppid,s,uid,vsz,rss,comm --no-headers";
  std::set<pid_t> agreed;
  std::map<pid_t, std::string> last_difference;
  const auto look = [&] {
    const Threads before = threads_of(sh(command));
    const Threads ours = threads_of(read_file(path("task/t")));
    const Threads after = threads_of(sh(command));
    last_difference.clear();
    for (const auto& [number, row] : before) {
      const auto again = after.find(number);
      if (again == after.end() || again->second != row || agreed.contains(number)) continue;
      if (!can_be_inspected(row[kTgid])) continue;
      const auto our = ours.find(number);
      if (our != ours.end() && agree(our->second, row)) {
        agreed.insert(number);
      } else {
        last_difference[number] =
            testing::PrintToString(row) + " in ps, ours " +
            (our == ours.end() ? "lacks it" : testing::PrintToString(our->second));
      }
    }
    // What lives through both and never stayed the same was not compared yet.
    return last_difference.empty() && agreed.contains(stopped.pid()) &&
           agreed.contains(zombie.pid()) && agreed.contains(other_user.pid()) &&
           std::all_of(numbers.begin(), numbers.end(),
                       [&](pid_t number) { return agreed.contains(number); });
  };
  bool all = false;
  for (int attempt = 0; attempt < kAttempts && !all; ++attempt) all = look();
  EXPECT_TRUE(all) << agreed.size() << " agree; " << testing::PrintToString(last_difference);
}

TEST_F(TaskTest, IsOneLineAThreadWhateverItIsCalled) {
  sh("mkdir $M/task/t");
  const std::vector<std::string> names = {"a\nb", "\x1b[31mred", "\t \x01", "", " ", "\xff\xfe"};
  std::vector<pid_t> numbers;
  const Child named = start_threads(names, numbers);
  const std::string table = read_file(path("task/t"));
  const Threads threads = threads_of(table);
  EXPECT_EQ(lines_of(table).size(), threads.size() + 1);
  for (std::size_t at = 0; at < names.size(); ++at) {
    ASSERT_TRUE(threads.contains(numbers[at]));
    EXPECT_EQ(threads.at(numbers[at])[kComm], without_controls(names[at]));
  }
}

// --- task_file -------------------------------------------------------------------------------

// A file as /proc/<pid>/fd and fdinfo have it: type, flags, position and path.
using Files = std::map<int, std::array<std::string, 4>>;

std::string file_type(const struct stat& status, const std::string& link) {
  if (link.starts_with("anon_inode:")) return "ANON";
  switch (status.st_mode & S_IFMT) {
    case S_IFREG:
      return "REG";
    case S_IFDIR:
      return "DIR";
    case S_IFCHR:
      return "CHR";
    case S_IFBLK:
      return "BLK";
    case S_IFIFO:
      return "FIFO";
    case S_IFSOCK:
      return "SOCK";
    case S_IFLNK:
      return "LNK";
    default:
      return "?";
  }
}

Files files_in_proc(pid_t pid) {
  const std::string directory = "/proc/" + std::to_string(pid);
  Files files;
  // The directory's own descriptor, in this process, is closed before its files are looked at.
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory + "/fd"))
    names.push_back(entry.path().filename());
  for (const auto& name : names) {
    std::array<char, 8192> link = {};
    struct stat status = {};
    const std::string file = directory + "/fd/" + name;
    if (::stat(file.c_str(), &status) != 0) continue;
    const ssize_t size = ::readlink(file.c_str(), link.data(), link.size());
    const std::string target =
        size < 0 ? "?" : std::string(link.data(), static_cast<std::size_t>(size));
    std::istringstream info(read_file(directory + "/fdinfo/" + name));
    std::string key, position, flags;
    info >> key >> position >> key >> flags;
    files[std::stoi(name)] = {file_type(status, target), flags, position, without_controls(target)};
  }
  return files;
}

Files files_in_dump(const std::string& dump, pid_t pid) {
  Files files;
  for (const auto& line : lines_of(dump)) {
    std::istringstream cells(line);
    std::string tgid, tid, fd, type, flags, position, target;
    cells >> tgid >> tid >> fd >> type >> flags >> position;
    cells.get();
    std::getline(cells, target);
    if (tgid == std::to_string(pid)) files[std::stoi(fd)] = {type, flags, position, target};
  }
  return files;
}

// Opens files of many kinds and keeps them.
std::vector<UniqueFd> open_many_kinds(const std::string& directory) {
  std::vector<UniqueFd> files;
  const auto keep = [&](int fd) {
    EXPECT_GE(fd, 0) << std::strerror(errno);
    files.emplace_back(fd);
    return fd;
  };
  const auto create = [&](const std::string& name, int flags) {
    return keep(::open((directory + "/" + name).c_str(), flags | O_CREAT | O_CLOEXEC, 0600));
  };
  EXPECT_EQ(::write(create("deleted", O_RDWR), "12345", 5), 5);
  ::unlink((directory + "/deleted").c_str());
  ::fcntl(create("no cloexec", O_RDWR), F_SETFD, 0);
  create("append", O_WRONLY | O_APPEND | O_NONBLOCK);
  create("direct\n\x1b[31m\x7f", O_RDWR | O_SYNC);
  ::lseek(create("sparse", O_RDWR), 1LL << 40, SEEK_SET);
  ::symlink("nowhere", (directory + "/link").c_str());
  keep(::open((directory + "/link").c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  keep(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  keep(::open(directory.c_str(), O_PATH | O_CLOEXEC));
  keep(::open("/dev/zero", O_RDWR | O_CLOEXEC));
  keep(::memfd_create("memory", MFD_CLOEXEC));
  keep(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  keep(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  keep(::epoll_create1(EPOLL_CLOEXEC));
  keep(::eventfd(0, 0));
  keep(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  keep(::inotify_init1(IN_CLOEXEC));
  keep(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  sigset_t none;
  sigemptyset(&none);
  keep(::signalfd(-1, &none, SFD_CLOEXEC));
  int ends[2] = {};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  keep(ends[0]);
  keep(ends[1]);
  keep(::fcntl(ends[0], F_DUPFD, 900));
  return files;
}

// Opens files whose paths have these lengths, also ones that no single path name can reach.
std::vector<UniqueFd> open_long_paths(const std::string& directory,
                                      const std::vector<std::size_t>& lengths) {
  std::vector<UniqueFd> files;
  for (const std::size_t length : lengths) {
    UniqueFd at(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    std::size_t now = directory.size();
    while (length - now > 250) {
      const std::string part(std::min<std::size_t>(200, length - now - 50), 'd');
      ::mkdirat(at.get(), part.c_str(), 0700);
      at.reset(::openat(at.get(), part.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      now += part.size() + 1;
    }
    const std::string name(length - now - 1, 'f');
    files.emplace_back(::openat(at.get(), name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_TRUE(files.back().valid()) << length << ": " << std::strerror(errno);
  }
  return files;
}

class TaskFileTest : public BuiltinsTest {
 protected:
  // Looks until /proc says the same before and after: what did not change must be in the dump.
  void expect_files_of(pid_t pid, std::size_t at_least) const {
    const std::string file = path("task_file/f");
    Files before, after, ours;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      before = files_in_proc(pid);
      ours = files_in_dump(read_file(file), pid);
      after = files_in_proc(pid);
      if (before == after) break;
    }
    ASSERT_EQ(before, after);
    EXPECT_GE(before.size(), at_least);
    for (const auto& [fd, expected] : before) EXPECT_EQ(ours[fd], expected) << "descriptor " << fd;
  }
};

TEST_F(TaskFileTest, AgreesWithProcOnManyKindsOfFiles) {
  sh("mkdir $M/task_file/f");
  const auto files = open_many_kinds(daemon_.root());
  expect_files_of(::getpid(), files.size());
}

TEST_F(TaskFileTest, AgreesWithProcOnAnotherProcess) {
  sh("mkdir $M/task_file/f");
  const Child child(
      {"/bin/sh", "-c", "exec sleep 1000 3>>$ROOT/appended 4<>$ROOT/both 5<$ROOT 6<&4"},
      daemon_.root() + "/errors", daemon_.environment());
  ASSERT_TRUE(eventually(
      [&] { return read_file("/proc/" + std::to_string(child.pid()) + "/comm") == "sleep\n"; }));
  expect_files_of(child.pid(), 7);
}

TEST_F(TaskFileTest, AgreesWithProcOnPathsOfEveryLength) {
  sh("mkdir $M/task_file/f");
  const auto files =
      open_long_paths(daemon_.root(), {255, 300, 511, 512, 513, 1000, 2000, 3500, 4090, 5000});
  expect_files_of(::getpid(), files.size());
}

TEST_F(TaskFileTest, OfTwoReadersAtOnceNeitherSeesThePathsOfTheOther) {
  sh("mkdir $M/task_file/f");
  const auto files = open_long_paths(daemon_.root(), {300, 1000, 3500});
  const std::string lines = "grep \"^ *" + std::to_string(::getpid()) + " .* $ROOT/d\" ";
  sh("for i in 1 2 3 4; do cat $M/task_file/f > $ROOT/$i & done; wait");
  const std::string expected = sh(lines + "$ROOT/1");
  EXPECT_EQ(lines_of(expected).size(), files.size());
  for (const char* const i : {"2", "3", "4"}) EXPECT_EQ(sh(lines + "$ROOT/" + i), expected);
}

// --- bpf_map ---------------------------------------------------------------------------------

// A map as one line: type, name, key, value, entries and bytes.
using Maps = std::map<std::string, std::string>;

// "ID: TYPE  name NAME  flags N", then "key NB  value NB  max_entries N  memlock NB", then others.
Maps maps_of_bpftool(const std::string& text) {
  Maps maps;
  std::string id, type, key, value;
  std::map<std::string, std::string> fields;
  for (const auto& line : lines_of(text)) {
    std::istringstream cells(line);
    if (!line.starts_with('\t')) {
      fields = {{"name", "-"}};
      cells >> id >> type;
    }
    while (cells >> key >> value) fields[key] = value;
    if (!line.starts_with("\tkey ")) continue;
    std::string row = type + " " + fields["name"];
    for (const char* const column : {"key", "value", "max_entries", "memlock"}) {
      const std::string& number = fields[column];
      row += " " + number.substr(0, number.find('B'));
    }
    maps[id.substr(0, id.find(':'))] = row;
  }
  return maps;
}

Maps maps_of_dump(const std::string& text) {
  Maps maps;
  for (const auto& line : lines_of(text)) {
    std::istringstream cells(line);
    std::string id, cell, row;
    cells >> id;
    while (cells >> cell) row += (row.empty() ? "" : " ") + cell;
    maps[id] = row;
  }
  return maps;
}

class BpfMapTest : public BuiltinsTest {
 protected:
  int create(bpf_map_type type, __u32 key, __u32 value, __u32 entries, __u32 flags = 0,
             int inner = 0) {
    LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = static_cast<__u32>(inner),
                .map_flags = flags);
    const int fd = bpf_map_create(type, names_++ == 0 ? nullptr : "t_bpf_map_test", key, value,
                                  entries, &options);
    if (fd < 0) return fd;
    maps_.emplace_back(fd);
    return fd;
  }

  std::vector<std::string> ids() const {
    std::vector<std::string> all;
    for (const auto& map : maps_) {
      bpf_map_info info = {};
      __u32 size = sizeof(info);
      EXPECT_EQ(bpf_obj_get_info_by_fd(map.get(), &info, &size), 0);
      all.push_back(std::to_string(info.id));
    }
    return all;
  }

  int names_ = 0;
  std::vector<UniqueFd> maps_;
};

TEST_F(BpfMapTest, AgreesWithBpftoolOnMapsOfManyTypes) {
  BPFDUMP_REQUIRE(missing_program("bpftool"));
  sh("mkdir $M/bpf_map/m");
  for (const __u32 entries : {1u, 100u, 65536u}) {
    for (const __u32 value : {1u, 8u, 13u, 100u}) {
      create(BPF_MAP_TYPE_ARRAY, 4, value, entries);
      create(BPF_MAP_TYPE_ARRAY, 4, value, entries, BPF_F_MMAPABLE);
      create(BPF_MAP_TYPE_PERCPU_ARRAY, 4, value, entries);
      for (const auto type : {BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH}) {
        create(type, 7, value, entries);
        create(type, 16, value, entries, BPF_F_NO_PREALLOC);
      }
      create(BPF_MAP_TYPE_LRU_HASH, 4, value, entries);
      create(BPF_MAP_TYPE_LRU_HASH, 4, value, entries, BPF_F_NO_COMMON_LRU);
      create(BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, value, entries);
      create(BPF_MAP_TYPE_LPM_TRIE, 8, value, entries, BPF_F_NO_PREALLOC);
      create(BPF_MAP_TYPE_QUEUE, 0, value, entries);
      create(BPF_MAP_TYPE_STACK, 0, value, entries);
      create(BPF_MAP_TYPE_BLOOM_FILTER, 0, value, entries);
    }
    create(BPF_MAP_TYPE_STACK_TRACE, 4, 80, entries);
    create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, entries);
    create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, entries);
    create(BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, entries);
    create(BPF_MAP_TYPE_DEVMAP, 4, 4, entries);
    create(BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, entries);
    create(BPF_MAP_TYPE_SOCKMAP, 4, 4, entries);
    create(BPF_MAP_TYPE_SOCKHASH, 4, 8, entries);
    create(BPF_MAP_TYPE_XSKMAP, 4, 4, entries);
    create(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, entries);
    create(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, entries, 0, maps_.front().get());
    create(BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, entries, 0, maps_.front().get());
  }
  create(BPF_MAP_TYPE_CPUMAP, 4, 4, 2);
  create(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
  create(BPF_MAP_TYPE_RINGBUF, 0, 0, 1 << 20);
  create(BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096);
  create(BPF_MAP_TYPE_CGROUP_STORAGE, 16, 100, 0);
  const int filled = create(BPF_MAP_TYPE_HASH, 4, 9, 5000, BPF_F_NO_PREALLOC);
  const std::string value(9, 'x');
  for (__u32 key = 0; key < 3000; ++key)
    ASSERT_EQ(bpf_map_update_elem(filled, &key, value.data(), BPF_ANY), 0);

  const auto theirs = maps_of_bpftool(sh("bpftool map show"));
  const auto ours = maps_of_dump(read_file(path("bpf_map/m")));
  std::set<std::string> types;
  for (const auto& id : ids()) {
    ASSERT_TRUE(theirs.contains(id)) << id;
    ASSERT_TRUE(ours.contains(id)) << theirs.at(id);
    EXPECT_EQ(ours.at(id), theirs.at(id));
    types.insert(theirs.at(id).substr(0, theirs.at(id).find(' ')));
  }
  EXPECT_GE(types.size(), 20u) << "this kernel made few types of maps: "
                               << testing::PrintToString(types);
}

// --- The examples ----------------------------------------------------------------------------

class ExamplesTest : public OwnNetworkTest {};

TEST_F(ExamplesTest, ListenersAreThoseOfSs) {
  BPFDUMP_REQUIRE(missing_program("ss"));
  sh("cp $EXAMPLES/listeners.bpf.o $M/tcp/listeners");
  EXPECT_EQ(sh("ss -Htan; awk 'NR > 1' $M/tcp/listeners"), "");

  const UniqueFd four(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(1234);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(four.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(four.get(), 7), 0);
  const UniqueFd six(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address6 = {};
  address6.sin6_family = AF_INET6;
  address6.sin6_port = htons(4321);
  address6.sin6_addr = in6addr_loopback;
  ASSERT_EQ(::bind(six.get(), reinterpret_cast<sockaddr*>(&address6), sizeof(address6)), 0);
  ASSERT_EQ(::listen(six.get(), 9), 0);
  // A connection is no listener.
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);

  const auto sorted = [](const std::string& text) {
    const auto lines = lines_of(text);
    return std::set<std::string>(lines.begin(), lines.end());
  };
  const auto expected = sorted(sh("ss -Hltn | awk '{ print $3, $4 }'"));
  EXPECT_EQ(expected, (std::set<std::string>{"7 127.0.0.1:1234", "9 [::1]:4321"}));
  // ss shortens the address that the kernel prints in full.
  EXPECT_EQ(sorted(sh("awk 'NR > 1 { print $2, $3 }' $M/tcp/listeners | "
                      "sed 's/0000:0000:0000:0000:0000:0000:0000:0001/::1/'")),
            expected);
  EXPECT_EQ(sh("head -1 $M/tcp/listeners"), "       UID    BACKLOG ADDRESS\n");
}

TEST_F(ExamplesTest, RoutesAreThoseOfIp) {
  sh("cp $EXAMPLES/routes.bpf.o $M/ipv6_route/routes");
  BPFDUMP_REQUIRE(add_devices({"d0"}));
  sh("ip -6 addr add 2001:db8::1/64 dev d0 nodad && "
     "ip -6 route add 2001:db8:100::/48 via 2001:db8::2 metric 77 && "
     "ip nexthop add id 5 via 2001:db8::3 dev d0 && ip -6 route add 2001:db8:200::/48 nhid 5");
  const std::string theirs = sh("ip -6 route show");
  EXPECT_NE(theirs.find("2001:db8:100::/48 via 2001:db8::2 dev d0 metric 77"), std::string::npos);
  EXPECT_NE(theirs.find("2001:db8:200::/48 nhid 5"), std::string::npos) << theirs;
  const std::string ours = sh("cat $M/ipv6_route/routes");
  EXPECT_TRUE(ours.starts_with("DESTINATION [via GATEWAY] dev DEVICE metric N\n")) << ours;
  EXPECT_NE(ours.find("2001:0db8:0100:0000:0000:0000:0000:0000/48 via "
                      "2001:0db8:0000:0000:0000:0000:0000:0002 dev d0 metric 77\n"),
            std::string::npos)
      << ours;
  EXPECT_NE(ours.find("2001:0db8:0200:0000:0000:0000:0000:0000/48 nhid 5 metric 1024\n"),
            std::string::npos)
      << ours;
  EXPECT_EQ(lines_of(ours).size(), lines_of(read_file("/proc/net/ipv6_route")).size() + 1);
}

TEST_F(ExamplesTest, DeletedFilesAreShownWithTheirSize) {
  sh("cp $EXAMPLES/deleted_files.bpf.o $M/task_file/deleted");
  const std::string file = daemon_.root() + "/gone";
  const UniqueFd deleted(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::ftruncate(deleted.get(), 12345), 0);
  EXPECT_EQ(sh("cat $M/task_file/deleted").find(file), std::string::npos);
  ASSERT_EQ(::unlink(file.c_str()), 0);

  const std::string link =
      fs::read_symlink("/proc/self/fd/" + std::to_string(deleted.get())).string();
  EXPECT_EQ(link, file + " (deleted)");
  const std::string ours = sh("grep -F '" + link + "' $M/task_file/deleted");
  std::istringstream cells(ours);
  std::string tgid, fd, size;
  cells >> tgid >> fd >> size;
  EXPECT_EQ(tgid, std::to_string(::getpid()));
  EXPECT_EQ(fd, std::to_string(deleted.get()));
  EXPECT_EQ(size, "12345");
}

}  // namespace
}  // namespace bpfdump::test
