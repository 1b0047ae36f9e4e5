// SPDX-License-Identifier: Apache-2.0
#include "bench/elsewhere.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <climits>

#include "bench/measure.h"
#include "bench/process.h"

namespace bpfdump::bench {
namespace {

struct Order {
  char path[PATH_MAX];
  int turns;
};

// Answers each order with a time; a negative one says that a file can't be opened.
[[noreturn]] void obey(int socket) {
  Order order = {};
  while (::recv(socket, &order, sizeof(order), 0) == sizeof(order)) {
    bool opened = true;
    double time = seconds([&] {
      for (int turn = 0; turn < order.turns; ++turn)
        opened &= base::UniqueFd(::open(order.path, O_RDONLY | O_CLOEXEC)).valid();
    });
    time = opened ? time / order.turns : -1;
    if (::send(socket, &time, sizeof(time), 0) < 0) break;
  }
  ::_exit(0);
}

}  // namespace

Elsewhere::Elsewhere(int flags) {
  std::array<int, 2> ends = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) die("socketpair");
  socket_.reset(ends[0]);
  pid_ = ::fork();
  if (pid_ < 0) die("fork");
  if (pid_ > 0) {
    ::close(ends[1]);
    return;
  }
  socket_.reset();
  if (::unshare(flags) != 0) ::_exit(1);
  // Only children of whoever unshares a pid namespace are in it.
  const pid_t child = (flags & CLONE_NEWPID) != 0 ? ::fork() : 0;
  if (child == 0) obey(ends[1]);
  ::close(ends[1]);
  ::waitpid(child, nullptr, 0);
  ::_exit(0);
}

Elsewhere::~Elsewhere() {
  socket_.reset();
  wait_for(pid_);
}

double Elsewhere::seconds_to_open(const std::string& path, int turns) const {
  Order order = {};
  path.copy(order.path, sizeof(order.path) - 1);
  order.turns = turns;
  double time = -1;
  if (::send(socket_.get(), &order, sizeof(order), 0) != sizeof(order) ||
      ::recv(socket_.get(), &time, sizeof(time), 0) != sizeof(time) || time < 0)
    die("open " + path + " in another namespace");
  return time;
}

}  // namespace bpfdump::bench
