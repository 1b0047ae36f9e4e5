// SPDX-License-Identifier: Apache-2.0
#include "reader/pid_helper.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace bpfdump::reader {
namespace {

using base::fail;
using base::fail_errno;
using base::Result;
using base::UniqueFd;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// --- Messages with descriptors, between the daemon, its helper and the helper's children. --------

/// What an answer says; its descriptor is the one named.
enum class Answer : int {
  started,  ///< a child: a pidfd of it
  session,  ///< the iterator
  failed,   ///< none; `code` is the errno
};

struct Message {
  Answer answer = Answer::failed;
  int code = 0;
};

constexpr std::size_t kMostDescriptors = 3;

union Control {
  cmsghdr align;
  char room[CMSG_SPACE(sizeof(int) * kMostDescriptors)];
};

bool send_message(int socket, const Message& message, std::span<const int> descriptors,
                  int flags = 0) {
  iovec bytes = {const_cast<Message*>(&message), sizeof(message)};
  Control control = {};
  msghdr header = {};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    header.msg_control = control.room;
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &header, MSG_NOSIGNAL | flags);
  } while (sent < 0 && errno == EINTR);
  return sent == sizeof(message);
}

/// The descriptors that came with a message; those that did not are invalid.
using Descriptors = std::array<UniqueFd, kMostDescriptors>;

/// False at the end of the connection, and for what is no message.
bool receive_message(int socket, Message& message, Descriptors& descriptors) {
  iovec bytes = {&message, sizeof(message)};
  Control control = {};
  msghdr header = {};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  header.msg_control = control.room;
  header.msg_controllen = sizeof(control.room);
  ssize_t received = 0;
  do {
    received = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  for (cmsghdr* part = received < 0 ? nullptr : CMSG_FIRSTHDR(&header); part != nullptr;
       part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t at = 0; at < std::min(count, kMostDescriptors); ++at) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(part) + at * sizeof(int), sizeof(int));
      descriptors[at].reset(descriptor);
    }
  }
  return received == sizeof(message);
}

// --- The helper and its children. They are forked from a process that may have threads by then: no
// memory is allocated here, and no lock taken. --------------------------------------------------

void keep_only_bpf_capability() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data = {};
  // Before Linux 5.19, creating an iterator needs it where unprivileged BPF is off.
  data[1].permitted = data[1].effective = 1U << (CAP_BPF - 32);
  ::syscall(SYS_capset, &header, data.data());
}

constexpr int kSocket = 3;  // the helper's end of its connection with the daemon

// fork() and a pidfd of the child at once: it may have ended, and be gone, before we can look.
pid_t fork_with_handle(int& handle) {
  clone_args arguments = {};
  arguments.flags = CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&handle);
  arguments.exit_signal = SIGCHLD;
  return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof(arguments)));
}

[[noreturn]] void run_child(PidHelper::Create create, int link, int answer) {
  ::close(kSocket);
  ::prctl(PR_SET_DUMPABLE, 0);
  keep_only_bpf_capability();
  const int session = create(link);
  if (session >= 0)
    send_message(answer, {Answer::session, 0}, std::array{session});
  else
    send_message(answer, {Answer::failed, errno}, {});
  ::_exit(0);
}

void serve(PidHelper::Create create, const Descriptors& request, int own_namespace) {
  const int link = request[0].get();
  const int answer = request[2].get();
  if (::setns(request[1].get(), CLONE_NEWPID) != 0) {
    send_message(answer, {Answer::failed, errno}, {});
    return;
  }
  int handle = -1;
  const pid_t child = fork_with_handle(handle);
  const int code = errno;
  const UniqueFd owner(handle);
  if (child == 0) run_child(create, link, answer);
  // Only for what it keeps alive: each request says anew where its child is to be.
  ::setns(own_namespace, CLONE_NEWPID);
  if (child < 0) {
    send_message(answer, {Answer::failed, code}, {});
    return;
  }
  send_message(answer, {Answer::started, 0}, std::array{handle});
}

[[noreturn]] void run_helper(PidHelper::Create create, int socket) {
  // Signals for the whole group are the daemon's matter; the end of the socket is ours. Children
  // that nobody waits for leave no zombies.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE})
    ::signal(signal, SIG_IGN);  // NOLINT(bugprone-signal-handler): no handler
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_NAME, "bpfdumpd-pidns");
  // A copy of /dev/fuse here would keep a dead mount alive, and one of stderr whoever reads that.
  if (::dup2(socket, kSocket) < 0) ::_exit(1);
  ::syscall(SYS_close_range, kSocket + 1, ~0U, 0);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, standard);
  const UniqueFd own_namespace(::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
  while (true) {
    Message message;
    Descriptors request;
    if (!receive_message(kSocket, message, request)) ::_exit(0);
    if (request[2].valid()) serve(create, request, own_namespace.get());
  }
}

// Waits until there is something to read, or a process has ended.
bool wait_for(int descriptor, steady_clock::time_point end) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting = {descriptor, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// Waits until a process has ended and has no number any more.
bool wait_until_gone(int process, steady_clock::time_point end) {
  if (!wait_for(process, end)) return false;
  while (::syscall(SYS_pidfd_send_signal, process, 0, nullptr, 0) == 0) {
    if (steady_clock::now() >= end) return false;  // somebody traces it
    ::sched_yield();
  }
  return true;
}

base::Failure failed(int code, const char* what) {
  return fail(code, "create an iterator in the reader's pid namespace: {}", what);
}

}  // namespace

Result<void> PidHelper::start() {
  const std::scoped_lock lock(mutex_);
  return launch();
}

PidHelper::~PidHelper() { bury(); }

void PidHelper::bury() {
  process_.socket.reset();
  if (process_.pid <= 0) return;
  ::kill(process_.pid, SIGKILL);  // it may be stopped
  ::waitpid(std::exchange(process_.pid, -1), nullptr, 0);
}

Result<void> PidHelper::launch() {
  std::array<int, 2> ends = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail_errno(errno, "make a socket for the helper");
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno(errno, "start the helper for pid namespaces");
  if (pid == 0) run_helper(create_, theirs.get());
  process_ = {pid, std::move(ours)};
  return {};
}

Result<void> PidHelper::send(int link, int pid_namespace, int answer) {
  const std::array request = {link, pid_namespace, answer};
  const std::scoped_lock lock(mutex_);
  if (process_.socket.valid() && send_message(process_.socket.get(), {}, request, MSG_DONTWAIT))
    return {};
  // It was killed since the last time, or does not listen.
  bury();
  if (auto launched = launch(); !launched) return launched;
  if (!send_message(process_.socket.get(), {}, request, MSG_DONTWAIT))
    return fail_errno(errno, "ask the helper for pid namespaces");
  return {};
}

// Ends what does not answer: the child, or else the helper itself.
void PidHelper::give_up(const UniqueFd& child) {
  if (child.valid()) {
    ::syscall(SYS_pidfd_send_signal, child.get(), SIGKILL, nullptr, 0);
    return;
  }
  const std::scoped_lock lock(mutex_);
  bury();
}

Result<UniqueFd> PidHelper::open(int link, int pid_namespace) {
  std::array<int, 2> ends = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail_errno(errno, "make a socket for the helper");
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  if (auto sent = send(link, pid_namespace, theirs.get()); !sent)
    return base::Failure(sent.error());
  theirs.reset();

  const auto end = steady_clock::now() + kPatience;
  UniqueFd child;
  UniqueFd session;
  while (!child.valid() || !session.valid()) {
    if (!wait_for(ours.get(), end)) {
      give_up(child);
      return failed(ETIMEDOUT, "its process there did not answer");
    }
    Message message;
    Descriptors descriptors;
    if (!receive_message(ours.get(), message, descriptors))
      return failed(EIO, "its process was killed");
    if (message.answer == Answer::failed)
      return failed(message.code, base::errno_text(message.code).c_str());
    if (!descriptors[0].valid()) return failed(EMFILE, base::errno_text(EMFILE).c_str());
    (message.answer == Answer::started ? child : session) = std::move(descriptors[0]);
  }
  // The session must not show the process that created it.
  if (!wait_until_gone(child.get(), end)) {
    give_up(child);
    return failed(ETIMEDOUT, "its process there did not end");
  }
  return session;
}

}  // namespace bpfdump::reader
