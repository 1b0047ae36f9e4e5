// SPDX-License-Identifier: Apache-2.0
//
// Dumps from where the reader stands: network namespaces. Those who read here are threads that are
// in another one than their process.
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <latch>
#include <list>
#include <thread>

#include "tests/kernel/daemon.h"

namespace bpfdump::test {
namespace {

namespace fs = std::filesystem;
using base::UniqueFd;

constexpr const char* kOwnNetwork = "/proc/thread-self/ns/net";

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++found;
  return found;
}

bool contains(const std::string& text, const std::string& word) {
  return text.find(word) != text.npos;
}

std::string inode_of(const std::string& file) {
  struct stat status = {};
  EXPECT_EQ(::stat(file.c_str(), &status), 0) << file << ": " << std::strerror(errno);
  return std::to_string(status.st_ino);
}

int errno_of_opening(const std::string& file) {
  const UniqueFd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  return opened.valid() ? 0 : errno;
}

std::string read_again(const UniqueFd& file) {
  std::string text(1 << 20, '\0');
  EXPECT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  std::size_t size = 0;
  for (ssize_t part = 1; part > 0; size += static_cast<std::size_t>(part)) {
    part = ::read(file.get(), text.data() + size, text.size() - size);
    EXPECT_GE(part, 0) << std::strerror(errno);
    if (part < 0) part = 0;
  }
  return text.substr(0, size);
}

/// What only one network namespace has, the one that the calling thread is in: a netlink socket
/// and, where it is asked for, a route.
class Mark {
 public:
  Mark() : port_(3'000'000'000U + static_cast<unsigned>(::getpid()) * 64 + ++last_ % 64) {
    socket_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    sockaddr_nl name = {};
    name.nl_family = AF_NETLINK;
    name.nl_pid = port_;
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0)
        << std::strerror(errno);
  }
  void add_route() const {
    char address[64];
    std::snprintf(address, sizeof(address), "fd00:bdf0::%x:%x", port_ >> 16, port_ & 0xffff);
    const Outcome added =
        shell("ip link set lo up && ip -6 addr add " + std::string(address) + "/128 dev lo nodad");
    EXPECT_EQ(added.status, 0) << added.errors;
  }

  /// What a dump of netlink, and one of ipv6_route has of it.
  [[nodiscard]] std::string socket() const { return " " + std::to_string(port_) + " "; }
  [[nodiscard]] std::string route() const {
    char digits[64];
    std::snprintf(digits, sizeof(digits), "fd00bdf00000000000000000%08x 80", port_);
    return digits;
  }

 private:
  static inline unsigned last_ = 0;
  const unsigned port_;
  UniqueFd socket_;
};

/// Runs something in a thread that is in the network namespace of a file, or in a new one.
template <class Function>
void in_network(const std::string& file, Function function) {
  std::thread([&] {
    const UniqueFd network(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::setns(network.get(), CLONE_NEWNET), 0) << file << ": " << std::strerror(errno);
    function();
  }).join();
}
template <class Function>
void in_new_network(Function function) {
  std::thread([&] {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << std::strerror(errno);
    function();
  }).join();
}

class NetworksTest : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    BPFDUMP_REQUIRE(missing_program("ip"));
  }
  void TearDown() override {
    for (const auto& name : names_) try_sh_quietly("ip netns del " + name);
    for (const auto& file : bound_) ::umount2(file.c_str(), MNT_DETACH);
    DaemonTest::TearDown();
  }
  void start(const std::string& config = "") {
    ASSERT_TRUE(daemon_.start(config));
    sh("mkdir $M/ipv6_route/x $M/netlink/x");
  }
  /// A namespace with a name and a mark.
  struct Named {
    std::string name;
    std::string file;
    Mark mark;
  };
  const Named& add_named() {
    const std::string name =
        "bpfdump-" + std::to_string(::getpid()) + "-" + std::to_string(names_.size());
    sh("ip netns add " + name);
    names_.push_back(name);
    in_network("/run/netns/" + name, [&] {
      networks_.push_back({name, "/run/netns/" + name, Mark()});
      networks_.back().mark.add_route();
    });
    return networks_.back();
  }
  // Holds the network namespace of the calling thread by a file.
  std::string bind(const std::string& name) {
    std::string file = daemon_.root() + "/" + name;
    EXPECT_EQ(::close(::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    EXPECT_EQ(::mount(kOwnNetwork, file.c_str(), nullptr, MS_BIND, nullptr), 0)
        << std::strerror(errno);
    bound_.push_back(file);
    return file;
  }
  [[nodiscard]] std::string path(const std::string& inside) const { return daemon_.path(inside); }
  [[nodiscard]] std::string dump(const std::string& inside) const {
    return read_file(path(inside));
  }
  static void try_sh_quietly(const std::string& command) { static_cast<void>(shell(command)); }

 private:
  std::vector<std::string> names_;
  std::vector<std::string> bound_;
  std::list<Named> networks_;
};

// --- The reader's own ----------------------------------------------------------------------------

TEST_F(NetworksTest, AReaderSeesItsOwn) {
  start();
  const Mark ours;
  const Named& a = add_named();
  const Named& b = add_named();
  for (const Named* here : {&a, &b}) {
    const Named& there = here == &a ? b : a;
    in_network(here->file, [&] {
      const std::string routes = dump("ipv6_route/x");
      EXPECT_TRUE(contains(routes, here->mark.route())) << routes;
      EXPECT_FALSE(contains(routes, there.mark.route()));
      EXPECT_EQ(routes, read_file("/proc/thread-self/net/ipv6_route"));
      const std::string sockets = dump("netlink/x");
      EXPECT_TRUE(contains(sockets, here->mark.socket())) << sockets;
      EXPECT_FALSE(contains(sockets, there.mark.socket()));
      EXPECT_FALSE(contains(sockets, ours.socket()));
    });
  }
  const std::string sockets = dump("netlink/x");
  EXPECT_TRUE(contains(sockets, ours.socket()));
  EXPECT_FALSE(contains(sockets, a.mark.socket()) || contains(sockets, b.mark.socket()));
}

TEST_F(NetworksTest, ReadersInSeveralNeverGetEachOthers) {
  start();
  const Mark ours;
  const Named& a = add_named();
  const Named& b = add_named();
  const std::vector<const Mark*> marks = {&ours, &a.mark, &b.mark};
  const std::vector<std::string> files = {kOwnNetwork, a.file, b.file};
  // Each thread goes from one to the other, and they all do at the same time.
  std::vector<std::thread> readers;
  for (std::size_t first = 0; first < 3; ++first) {
    readers.emplace_back([&, first] {
      std::vector<UniqueFd> networks;
      for (const auto& file : files)
        networks.emplace_back(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
      for (std::size_t turn = 0; turn < 350; ++turn) {
        const std::size_t here = (first + turn) % 3;
        ASSERT_EQ(::setns(networks[here].get(), CLONE_NEWNET), 0) << std::strerror(errno);
        const std::string sockets = dump("netlink/x");
        for (std::size_t at = 0; at < 3; ++at)
          ASSERT_EQ(contains(sockets, marks[at]->socket()), at == here) << turn << "\n" << sockets;
      }
    });
  }
  for (auto& reader : readers) reader.join();
}

TEST_F(NetworksTest, ALookAfreshIsWhereTheFileWasOpened) {
  start();
  const Mark ours;
  const Named& a = add_named();
  UniqueFd file;
  in_network(a.file, [&] { file.reset(::open(path("netlink/x").c_str(), O_RDONLY | O_CLOEXEC)); });
  EXPECT_TRUE(contains(read_again(file), a.mark.socket()));
  in_network(a.file, [&] {
    const Mark later;
    EXPECT_TRUE(contains(read_again(file), later.socket()));
  });
  const std::string again = read_again(file);
  EXPECT_TRUE(contains(again, a.mark.socket()));
  EXPECT_FALSE(contains(again, ours.socket()));
}

TEST_F(NetworksTest, TheConfigurationCanSayTheDaemons) {
  start("[target.netlink]\nnamespace = \"daemon\"\n");
  const Mark ours;
  const Named& a = add_named();
  in_network(a.file, [&] {
    EXPECT_TRUE(contains(dump("netlink/x"), ours.socket()));
    EXPECT_FALSE(contains(dump("netlink/x"), a.mark.socket()));
    EXPECT_TRUE(contains(dump("ipv6_route/x"), a.mark.route())) << "it is for one target";
  });
}

// --- One by name ---------------------------------------------------------------------------------

TEST_F(NetworksTest, OneIsReadByItsNameFromAnywhere) {
  start();
  const Named& a = add_named();
  const Named& b = add_named();
  const std::string scope = "ipv6_route/netns=" + a.name;
  sh("mkdir $M/" + scope + "/x");
  const std::string routes = dump(scope + "/x");
  EXPECT_TRUE(contains(routes, a.mark.route())) << routes;
  in_network(b.file, [&] { EXPECT_EQ(dump(scope + "/x"), routes); });
  in_network(a.file, [&] {
    EXPECT_EQ(dump(scope + "/x"), routes);
    EXPECT_EQ(read_file("/proc/thread-self/net/ipv6_route"), routes);
  });
}

TEST_F(NetworksTest, OneThatIsRemovedIsENOENT) {
  start();
  const Named& a = add_named();
  const std::string inside = "netlink/netns=" + a.name + "/x";
  sh("mkdir $M/" + inside);
  EXPECT_TRUE(contains(dump(inside), a.mark.socket()));
  sh("ip netns del " + a.name);
  EXPECT_EQ(errno_of_opening(path(inside)), ENOENT);
  EXPECT_TRUE(contains(sh("cat $M/.bpfdump/dumpers"),
                       "there is no network namespace '" + a.name +
                           "' in /run/netns; ip netns list shows those that are"));
  sh("ip netns add " + a.name);
  EXPECT_EQ(errno_of_opening(path(inside)), 0) << "another one of that name";
  EXPECT_FALSE(contains(dump(inside), a.mark.socket()));
}

TEST_F(NetworksTest, OneIsReadByAProcess) {
  start();
  std::array<int, 2> ends = {-1, -1};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd begun(ends[0]);
  UniqueFd begin(ends[1]);
  Child child([&] {
    const bool done = ::unshare(CLONE_NEWNET) == 0 && ::write(begin.get(), "x", 1) == 1;
    return done ? ::pause() : 1;
  });
  begin.reset();
  char byte = 0;
  ASSERT_EQ(::read(begun.get(), &byte, 1), 1);
  const std::string process = std::to_string(child.pid());
  std::list<Mark> mark;
  in_network("/proc/" + process + "/ns/net", [&] { mark.emplace_back(); });
  const std::string inside = "netlink/netns=" + process + "/x";
  sh("mkdir $M/" + inside);
  EXPECT_TRUE(contains(dump(inside), mark.front().socket()));
  child.signal(SIGKILL);
  ASSERT_EQ(child.wait(), 128 + SIGKILL);
  EXPECT_EQ(errno_of_opening(path(inside)), ENOENT);
  EXPECT_TRUE(contains(
      sh("cat $M/.bpfdump/dumpers"),
      "there is no network namespace '" + process + "' in /run/netns, nor a process " + process));
}

TEST_F(NetworksTest, OneThatNeverWasIsENOENTAtOnce) {
  start();
  EXPECT_EQ(::mkdir(path("netlink/netns=none-such/x").c_str(), 0777), -1);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(dump(".bpfdump/log/netlink/netns=none-such/x"),
            "netlink/netns=none-such/x (built-in): failed: there is no network namespace "
            "'none-such' in /run/netns; ip netns list shows those that are\n");
}

// --- All of them ---------------------------------------------------------------------------------

TEST_F(NetworksTest, AllAreReadEachOnceAndSaidWhich) {
  start();
  const Mark ours;
  const Named& a = add_named();
  const Named& b = add_named();
  std::list<Mark> marks;
  std::vector<std::string> inodes;
  in_new_network([&] {
    marks.emplace_back();
    bind("network");
    inodes.push_back(inode_of(kOwnNetwork));
  });
  std::latch begun(1), end(1);
  std::thread holder([&] {
    EXPECT_EQ(::unshare(CLONE_NEWNET), 0) << std::strerror(errno);
    marks.emplace_back();
    inodes.push_back(inode_of(kOwnNetwork));
    begun.count_down();
    end.wait();
  });
  begun.wait();

  sh("mkdir $M/netlink/netns=all/x $M/ipv6_route/netns=all/x");
  const std::string sockets = dump("netlink/netns=all/x");
  const std::string routes = dump("ipv6_route/netns=all/x");
  end.count_down();
  holder.join();

  const auto expect_in = [&](const Mark& mark, const std::string& label) {
    EXPECT_EQ(count(sockets, mark.socket()), 1u) << label;
    for (const auto& line : lines_of(sockets)) {
      if (contains(line, mark.socket())) {
        EXPECT_TRUE(line.starts_with(label + " ")) << line;
      }
    }
  };
  expect_in(a.mark, a.name);
  expect_in(b.mark, b.name);
  expect_in(marks.front(), inodes.front());
  expect_in(marks.back(), inodes.back());
  EXPECT_EQ(count(sockets, ours.socket()), 1u);
  for (const Named* one : {&a, &b}) {
    // The local route and the one to the address itself.
    EXPECT_GE(count(routes, one->mark.route()), 1u);
    EXPECT_EQ(count(routes, one->mark.route()), count(routes, one->name + " " + one->mark.route()) +
                                                    count(routes, "  " + one->mark.route()))
        << routes;
  }
  EXPECT_EQ(count(sockets, "NETNS "), 1u) << sockets;
  EXPECT_EQ(count(sockets, "sk               Eth"), 1u);
  EXPECT_TRUE(sockets.starts_with("NETNS "));
  EXPECT_EQ(count(routes, "NETNS"), 0u) << "/proc/net/ipv6_route has no header";
  const std::size_t width = sockets.find("sk  ");
  for (const auto& line : lines_of(sockets)) EXPECT_EQ(line[width - 1], ' ') << line;
}

TEST_F(NetworksTest, AllHasThoseThatAreMountedElsewhere) {
  start();
  const std::string file = daemon_.root() + "/elsewhere";
  ASSERT_EQ(::close(::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
  std::array<int, 2> ends = {-1, -1};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd answer(ends[0]);
  UniqueFd answers(ends[1]);
  // In its own mount namespace it mounts a network that no process is in.
  const Child child([&] {
    const UniqueFd old(::open(kOwnNetwork, O_RDONLY | O_CLOEXEC));
    struct stat status = {};
    const bool done = ::unshare(CLONE_NEWNS | CLONE_NEWNET) == 0 &&
                      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                      ::mount(kOwnNetwork, file.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
                      ::stat(kOwnNetwork, &status) == 0 && ::setns(old.get(), CLONE_NEWNET) == 0 &&
                      ::write(answers.get(), &status.st_ino, sizeof(ino_t)) == sizeof(ino_t);
    return done ? ::pause() : 1;
  });
  answers.reset();
  ino_t inode = 0;
  ASSERT_EQ(::read(answer.get(), &inode, sizeof(inode)), static_cast<ssize_t>(sizeof(inode)));
  sh("mkdir $M/netlink/netns=all/x");
  const std::string sockets = dump("netlink/netns=all/x");
  EXPECT_TRUE(contains(sockets, "\n" + std::to_string(inode) + " ")) << sockets;
}

TEST_F(NetworksTest, ANameIsTheLabelEvenOfOneThatWasMountedBefore) {
  start();
  std::list<Mark> mark;
  std::string file;
  in_new_network([&] {
    mark.emplace_back();
    file = bind("network");
  });
  const Named& a = add_named();
  sh("umount /run/netns/" + a.name + " && mount --bind " + file + " /run/netns/" + a.name);
  sh("mkdir $M/netlink/netns=all/x");
  const std::string sockets = dump("netlink/netns=all/x");
  EXPECT_EQ(count(sockets, mark.front().socket()), 1u);
  EXPECT_TRUE(contains(sockets, "\n" + a.name + " ")) << sockets;
}

TEST_F(NetworksTest, AllIsReadWithTheProgramThatTheDumpBeganWith) {
  start();
  for (int at = 0; at < 4; ++at) add_named();
  const std::string first = read_file(object_file("wide"));
  std::string second = first;
  for (std::size_t at = 0; (at = second.find("first ", at)) != second.npos;)
    second.replace(at, 6, "other ");
  const std::string file = path("netlink/netns=all/x");
  ASSERT_EQ(errno_of_writing(file, first), 0);
  constexpr std::size_t kAhead = 300'000;  // more than what one read produces
  ASSERT_GT(count(read_file(file), "first ") * 15'000, kAhead);

  const UniqueFd reader(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(1 << 26, '\0');
  ASSERT_EQ(::read(reader.get(), text.data(), 4096), 4096);
  ASSERT_EQ(errno_of_writing(file, second), 0);
  std::size_t size = 4096;
  for (ssize_t part = 1; part > 0; size += static_cast<std::size_t>(part)) {
    part = ::read(reader.get(), text.data() + size, 65'536);
    ASSERT_GE(part, 0) << std::strerror(errno);
  }
  text.resize(size);
  EXPECT_EQ(count(text, "other "), 0u);
  EXPECT_EQ(text.size(), count(text, "first ") * 15'000);
  EXPECT_GT(text.size(), kAhead);
  EXPECT_EQ(count(read_file(file), "first "), 0u);
}

}  // namespace
}  // namespace bpfdump::test
