// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/kernel/process.h"

// Leaves a test that this machine can't run; a failure where BPFDUMP_KERNEL_TESTS=1 says that it
// must. Every skip goes through here.
#define BPFDUMP_REQUIRE(reason)                                               \
  do {                                                                        \
    const std::string missing = (reason);                                     \
    if (!missing.empty() && bpfdump::test::kernel_tests_are_forced())         \
      GTEST_FAIL() << missing << ", but BPFDUMP_KERNEL_TESTS=1 was promised"; \
    if (!missing.empty()) GTEST_SKIP() << missing;                            \
  } while (false)

namespace bpfdump::test {

[[nodiscard]] bool kernel_tests_are_forced();
/// What the machine lacks to run the daemon, or nothing.
[[nodiscard]] std::string missing_on_this_machine();
/// The same for one program.
[[nodiscard]] std::string missing_program(const std::string& program);

/// The real bpfdumpd with a mount point, pins, state and log of its own, all removed with it.
/// What goes wrong is a failure of the test.
class Daemon {
 public:
  Daemon();
  ~Daemon() { finish(); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Starts it in the foreground and waits for READY=1 at its NOTIFY_SOCKET.
  [[nodiscard]] bool start(const std::string& config = "");
  /// SIGTERM; it must end with success, and its mount with it. The pins stay.
  void stop();
  /// Waits for the end that something else brings about, and checks it as stop() does.
  void wait_for_end();
  /// SIGKILL; the dead mount stays.
  void kill();
  /// stop(), where it runs, and removes everything.
  void finish();

  [[nodiscard]] pid_t pid() const { return process_->pid(); }
  [[nodiscard]] std::string mount() const { return root_ + "/mount"; }
  /// A path below the mount point.
  [[nodiscard]] std::string path(const std::string& inside) const { return mount() + "/" + inside; }
  [[nodiscard]] const std::string& pins() const { return pins_; }
  /// A directory for the test's own files.
  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] std::string log() const;
  [[nodiscard]] bool is_mounted() const;
  /// All pins, as TARGET/NAME, without the notes beside them.
  [[nodiscard]] std::set<std::string> pinned() const;
  /// What the daemon's descriptors refer to, but for /dev/fuse: each of its threads has one, and
  /// there are as many threads as were needed at once.
  [[nodiscard]] std::vector<std::string> open_files() const;
  /// How many of them hold something of BPF.
  [[nodiscard]] std::size_t open_bpf_files() const;
  /// M, PINS, ROOT, BPFDUMPD, START (a command that starts it in the foreground), OBJECTS and
  /// EXAMPLES, for shell commands.
  [[nodiscard]] Environment environment() const;

 private:
  [[nodiscard]] std::vector<std::string> command() const;

  std::string root_;
  std::string pins_;
  std::optional<Child> process_;
};

/// A test with a daemon that it starts itself.
class DaemonTest : public testing::Test {
 protected:
  void SetUp() override { BPFDUMP_REQUIRE(missing_on_this_machine()); }
  void TearDown() override;

  /// A shell command, which sees Daemon::environment().
  [[nodiscard]] Outcome try_sh(const std::string& command) const {
    return shell(command, daemon_.environment());
  }
  /// The output of one that must succeed.
  std::string sh(const std::string& command) const;

  Daemon daemon_;
};

/// A test with a daemon that runs.
class MountTest : public DaemonTest {
 protected:
  void SetUp() override;
  [[nodiscard]] std::string path(const std::string& inside) const { return daemon_.path(inside); }
};

/// MountTest in a network namespace of its own.
class OwnNetworkTest : public MountTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// Adds devices that take IPv6 addresses, of the first type that this kernel has; returns what
  /// is missing, or nothing.
  [[nodiscard]] std::string add_devices(const std::vector<std::string>& names) const;

 private:
  base::UniqueFd old_namespace_;
};

/// A test program's object file: tests/kernel/bpf/NAME.bpf.c.
[[nodiscard]] std::string object_file(const std::string& name);

}  // namespace bpfdump::test
