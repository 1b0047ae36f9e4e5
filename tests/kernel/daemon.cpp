// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/daemon.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace bpfdump::test {
namespace {

namespace fs = std::filesystem;

const std::string kProgram = BPFDUMP_BUILD_DIR "/bin/bpfdumpd";

// A socket as systemd gives one to a Type=notify service.
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& name)
      : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::copy(name.begin(), name.end(), address.sun_path + 1);  // an abstract name
    const auto size = offsetof(sockaddr_un, sun_path) + 1 + name.size();
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                     static_cast<socklen_t>(size)),
              0)
        << std::strerror(errno);
  }

  /// Whether READY=1 comes before the process ends.
  [[nodiscard]] bool ready(const Child& process) const {
    std::array<pollfd, 2> events = {{{socket_.get(), POLLIN, 0}, {process.pidfd(), POLLIN, 0}}};
    std::array<char, 512> text = {};
    while (::poll(events.data(), events.size(), 120'000) > 0 && (events[0].revents & POLLIN) != 0) {
      const ssize_t size = ::recv(socket_.get(), text.data(), text.size(), 0);
      const auto lines =
          lines_of({text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))});
      if (std::find(lines.begin(), lines.end(), "READY=1") != lines.end()) return true;
    }
    return false;
  }

 private:
  base::UniqueFd socket_;
};

std::string unique_name() {
  static int count = 0;
  return "bpfdump-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

}  // namespace

bool kernel_tests_are_forced() {
  const char* forced = std::getenv("BPFDUMP_KERNEL_TESTS");
  return forced != nullptr && std::string_view(forced) == "1";
}

std::string missing_on_this_machine() {
  if (::geteuid() != 0) return "kernel tests need root";
  if (!fs::exists("/sys/kernel/btf/vmlinux")) return "the kernel has no BTF";
  const base::UniqueFd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!fuse.valid()) return std::string("/dev/fuse: ") + std::strerror(errno);
  if (shell("grep -qw bpf /proc/filesystems && test -d /sys/fs/bpf").status != 0)
    return "the kernel has no bpffs";
  return {};
}

std::string missing_program(const std::string& program) {
  return shell("command -v " + program).status == 0 ? "" : "there is no program " + program;
}

Daemon::Daemon() {
  const std::string name = unique_name();
  root_ = "/tmp/" + name;
  pins_ = "/sys/fs/bpf/" + name;
  fs::create_directories(mount());
}

std::vector<std::string> Daemon::command() const {
  return {kProgram,         "-f",   "--config", root_ + "/config.toml", "--pins", pins_, "--state",
          root_ + "/state", mount()};
}

bool Daemon::start(const std::string& config) {
  std::ofstream(root_ + "/config.toml") << config;
  const std::string name = unique_name();
  const NotifySocket socket(name);
  process_.emplace(command(), root_ + "/log", Environment{{"NOTIFY_SOCKET", "@" + name}});
  if (socket.ready(*process_)) return true;
  ADD_FAILURE() << "the daemon did not say READY=1";
  process_.reset();
  return false;
}

void Daemon::stop() {
  process_->signal(SIGTERM);
  wait_for_end();
}

void Daemon::wait_for_end() {
  const int status = process_->wait();
  EXPECT_EQ(status, 0) << (status == -1 ? "the daemon hangs" : "the daemon's exit status");
  EXPECT_FALSE(is_mounted()) << "the daemon left its mount behind";
  process_.reset();
}

void Daemon::kill() {
  process_->signal(SIGKILL);
  EXPECT_EQ(process_->wait(), 128 + SIGKILL);
  process_.reset();
}

void Daemon::finish() {
  if (process_) stop();
  while (is_mounted()) {
    // Removing what is below a mount would delete dumpers, and more.
    if (::umount2(mount().c_str(), MNT_DETACH) != 0) {
      ADD_FAILURE() << "umount " << mount() << ": " << std::strerror(errno);
      return;
    }
  }
  for (const auto& directory : {pins_, root_}) {
    std::error_code error;
    if (!fs::exists(directory, error)) continue;
    fs::remove_all(directory, error);
    EXPECT_FALSE(error) << directory << ": " << error.message();
  }
}

std::string Daemon::log() const {
  std::ifstream file(root_ + "/log");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool Daemon::is_mounted() const {
  return read_file("/proc/self/mountinfo").find(" " + mount() + " ") != std::string::npos;
}

std::set<std::string> Daemon::pinned() const {
  std::set<std::string> names;
  if (!fs::exists(pins_)) return names;
  for (const auto& entry : fs::recursive_directory_iterator(pins_)) {
    if (entry.symlink_status().type() == fs::file_type::regular)
      names.insert(entry.path().lexically_relative(pins_));
  }
  return names;
}

std::vector<std::string> Daemon::open_files() const {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid()) + "/fd")) {
    // One that is closed in between is not open.
    const auto target = fs::read_symlink(entry.path(), error);
    if (!error && target != "/dev/fuse") files.push_back(target);
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::size_t Daemon::open_bpf_files() const {
  const auto files = open_files();
  return static_cast<std::size_t>(
      std::count_if(files.begin(), files.end(), [](const std::string& file) {
        return file.starts_with("anon_inode:bpf") || file.find("btf") != std::string::npos;
      }));
}

Environment Daemon::environment() const {
  std::string start = "timeout 120";
  for (const auto& argument : command()) start += " " + argument;
  return {{"M", mount()},
          {"PINS", pins_},
          {"ROOT", root_},
          {"BPFDUMPD", kProgram},
          {"START", start},
          {"OBJECTS", BPFDUMP_BUILD_DIR "/tests/kernel"},
          {"EXAMPLES", BPFDUMP_BUILD_DIR "/examples"}};
}

void DaemonTest::TearDown() {
  const std::string log = daemon_.log();
  daemon_.finish();
  if (HasFailure()) std::fprintf(stderr, "--- the daemon's log:\n%s---\n", log.c_str());
}

std::string DaemonTest::sh(const std::string& command) const {
  const Outcome outcome = try_sh(command);
  EXPECT_EQ(outcome.status, 0) << command << "\n" << outcome.output << outcome.errors;
  return outcome.output;
}

void MountTest::SetUp() {
  DaemonTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  ASSERT_TRUE(daemon_.start());
}

void OwnNetworkTest::SetUp() {
  BPFDUMP_REQUIRE(missing_on_this_machine());
  BPFDUMP_REQUIRE(missing_program("ip"));
  old_namespace_.reset(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << std::strerror(errno);
  sh("ip link set lo up");
  MountTest::SetUp();
}

void OwnNetworkTest::TearDown() {
  MountTest::TearDown();
  if (!old_namespace_.valid()) return;
  EXPECT_EQ(::setns(old_namespace_.get(), CLONE_NEWNET), 0) << std::strerror(errno);
}

std::string OwnNetworkTest::add_devices(const std::vector<std::string>& names) const {
  for (const char* const type : {"dummy", "ifb", "bridge"}) {
    const bool added = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      return try_sh("ip link add " + name + " type " + type + " && ip link set " + name + " up")
                 .status == 0;
    });
    if (added) return {};
  }
  return "the kernel has no virtual network device";
}

std::string object_file(const std::string& name) {
  return BPFDUMP_BUILD_DIR "/tests/kernel/" + name + ".bpf.o";
}

}  // namespace bpfdump::test
