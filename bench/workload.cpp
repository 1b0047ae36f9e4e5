// SPDX-License-Identifier: Apache-2.0
#include "bench/workload.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>

#include "bench/process.h"

namespace bpfdump::bench {
namespace {

constexpr int kEnd = 3;      // every child waits for this pipe's other end to close ...
constexpr int kStarted = 4;  // ... and its number goes through this one

[[noreturn]] void wait_for_end() {
  ::close(kStarted);
  char byte = 0;
  while (::read(kEnd, &byte, 1) < 0 && errno == EINTR) {
  }
  while (::wait(nullptr) > 0) {
  }
  ::_exit(0);
}

// Has the descriptors that its children get by fork.
[[noreturn]] void be_nursery(int processes, int files) {
  ::close_range(kStarted + 1, ~0U, 0);
  for (int file = kStarted; file < files; ++file) {
    if (::open("/dev/null", O_RDONLY) < 0) ::_exit(1);
  }
  for (int child = 1; child < processes; ++child) {
    const pid_t pid = ::fork();
    if (pid == 0) wait_for_end();
    if (pid < 0) break;
    if (::write(kStarted, &pid, sizeof(pid)) != sizeof(pid)) ::_exit(1);
  }
  wait_for_end();
}

}  // namespace

OpenFiles::OpenFiles(int processes, int files) {
  std::array<int, 2> end = {};
  std::array<int, 2> start = {};
  if (::pipe(end.data()) != 0 || ::pipe(start.data()) != 0) die("make a pipe");
  const pid_t nursery = ::fork();
  if (nursery < 0) die("fork");
  if (nursery == 0) {
    // First out of the way of the numbers that they are to have.
    const int waited = ::fcntl(end[0], F_DUPFD, 100);
    const int started = ::fcntl(start[1], F_DUPFD, 100);
    if (::dup2(waited, kEnd) < 0 || ::dup2(started, kStarted) < 0) ::_exit(1);
    be_nursery(processes, files);
  }
  ::close(end[0]);
  ::close(start[1]);
  alive_.reset(end[1]);
  children_.push_back(nursery);
  for (pid_t pid = 0; ::read(start[0], &pid, sizeof(pid)) == sizeof(pid);) children_.push_back(pid);
  ::close(start[0]);
}

OpenFiles::~OpenFiles() {
  alive_.reset();
  ::waitpid(children_.front(), nullptr, 0);
}

Connections::Connections(int pairs) {
  base::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.get(), name, size) != 0 || ::listen(listener.get(), 64) != 0 ||
      ::getsockname(listener.get(), name, &size) != 0)
    die("listen on loopback");
  for (int pair = 0; pair < pairs; ++pair) {
    base::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(client.get(), name, size) != 0) die("connect over loopback");
    sockets_.push_back(std::move(client));
    sockets_.emplace_back(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  sockets_.push_back(std::move(listener));
}

void enter_own_network(int routes) {
  if (::unshare(CLONE_NEWNET) != 0) die("make a network namespace");
  run({"ip", "link", "set", "lo", "up"});
  const std::string batch = fmt::format("/tmp/bpfdump-bench-routes-{}", ::getpid());
  {
    std::ofstream commands(batch);
    for (int route = 0; route < routes; ++route)
      commands << fmt::format("route add fd00:{:x}:{:x}::/64 dev lo\n", route >> 16,
                              route & 0xffff);
  }
  run({"ip", "-6", "-batch", batch});
  ::unlink(batch.c_str());
}

}  // namespace bpfdump::bench
