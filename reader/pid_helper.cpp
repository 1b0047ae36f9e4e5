// SPDX-License-Identifier: Apache-2.0
#include "reader/pid_helper.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
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
#include <initializer_list>
#include <span>
#include <string>
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

/// A request has three descriptors: link, namespace, answer. An answer has the session's, or a
/// code.
struct Message {
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

// --- The helper and its children. ----------------------------------------------------------------

constexpr int kSocket = 3;  // the helper's end of its connection with the daemon
constexpr uid_t kNobody = 65534;

void drop_capabilities_but(std::initializer_list<unsigned> kept) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data = {};
  for (const unsigned capability : kept) {
    data[capability / 32].permitted |= 1U << capability % 32;
    data[capability / 32].effective = data[capability / 32].permitted;
  }
  if (::syscall(SYS_capset, &header, data.data()) != 0) ::_exit(1);
}

// Nothing to see here, for whoever gets hold of a child: an empty file system, which can't be left,
// and no network.
void leave_the_machine() {
  const bool left = ::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) == 0 &&
                    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                    ::mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                            "size=4k,mode=555") == 0 &&
                    ::chdir("/proc") == 0;
  if (!left) ::_exit(1);
  // A root that is no mount, as in a chroot, can't be changed for another; but it can be covered.
  if (::syscall(SYS_pivot_root, ".", ".") == 0) {
    if (::umount2(".", MNT_DETACH) != 0) ::_exit(1);
  } else if (::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 || ::chroot(".") != 0) {
    ::_exit(1);
  }
  if (::chdir("/") != 0) ::_exit(1);
}

[[noreturn]] void create_session(PidHelper::Create create, int link, int answer) {
  const int session = create(link);
  if (session >= 0)
    send_message(answer, {}, std::array{session});
  else
    send_message(answer, {errno}, {});
  ::_exit(0);
}

// In the one that enters. It waits for its child, which has no number any more after that: the
// session must not show it.
[[noreturn]] void enter(PidHelper::Create create, const Descriptors& request) {
  const int link = request[0].get();
  const int answer = request[2].get();
  const auto fail_with = [&](int code) {
    send_message(answer, {code}, {});
    ::_exit(0);
  };
  ::signal(SIGCHLD, SIG_DFL);
  if (::setns(request[1].get(), CLONE_NEWPID) != 0) fail_with(errno);
  if (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0)
    fail_with(errno);
  drop_capabilities_but({});
  ::prctl(PR_SET_DUMPABLE, 0);
  ::close(request[1].get());
  ::close(kSocket);

  int handle = -1;
  clone_args arguments = {};
  arguments.flags = CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&handle);
  arguments.exit_signal = SIGCHLD;
  const auto child = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof(arguments)));
  if (child < 0) fail_with(errno);
  if (child == 0) create_session(create, link, answer);
  const auto end = steady_clock::now() + PidHelper::kPatience;
  if (!wait_for(handle, end)) {
    ::syscall(SYS_pidfd_send_signal, handle, SIGKILL, nullptr, 0);
    // One that is traced is its tracer's until that lets go: nobody waits for that.
    wait_for(handle, steady_clock::now() + milliseconds(100));
    ::waitpid(child, nullptr, WNOHANG);
    fail_with(ETIMEDOUT);
  }
  ::waitpid(child, nullptr, WNOHANG);
  ::_exit(0);
}

base::Failure failed(int code, const std::string& what) {
  return fail(code, "create an iterator in the reader's pid namespace: {}", what);
}

}  // namespace

void PidHelper::serve(Create create) {
  ::prctl(PR_SET_NAME, "bpfdumpd-pidns");
  ::prctl(PR_SET_DUMPABLE, 0);
  // Signals for the whole group are the daemon's matter; the end of the socket is ours. Children
  // that nobody waits for leave no zombies.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE})
    ::signal(signal, SIG_IGN);  // NOLINT(bugprone-signal-handler): no handler
  ::setgroups(0, nullptr);
  leave_the_machine();
  drop_capabilities_but({CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID});
  while (true) {
    Message message;
    Descriptors request;
    if (!receive_message(kSocket, message, request)) ::_exit(0);
    if (!request[2].valid()) continue;
    const pid_t child = ::fork();
    if (child == 0) enter(create, request);
    if (child < 0) send_message(request[2].get(), {errno}, {});
  }
}

PidHelper::~PidHelper() { bury(); }

Result<void> PidHelper::start() {
  const std::scoped_lock lock(mutex_);
  return launch();
}

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
  if (pid == 0) {
    // There may be threads: from here on only what signal-safety(7) allows. A copy of /dev/fuse
    // would keep a dead mount alive, and one of stderr whoever reads that.
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, standard);
    if (theirs.get() == kSocket)
      ::fcntl(kSocket, F_SETFD, 0);
    else
      ::dup2(theirs.get(), kSocket);
    ::syscall(SYS_close_range, kSocket + 1, ~0U, 0);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const char* const arguments[] = {"bpfdumpd", kArgument, nullptr};
    const char* const nothing[] = {nullptr};
    ::execve("/proc/self/exe", const_cast<char* const*>(arguments),
             const_cast<char* const*>(nothing));
    ::_exit(1);
  }
  process_ = {pid, std::move(ours)};
  return {};
}

Result<pid_t> PidHelper::send(int link, int pid_namespace, int answer) {
  const std::array request = {link, pid_namespace, answer};
  const std::scoped_lock lock(mutex_);
  if (process_.socket.valid() && send_message(process_.socket.get(), {}, request, MSG_DONTWAIT))
    return process_.pid;
  // It was killed since the last time, or does not listen.
  bury();
  if (auto launched = launch(); !launched) return base::Failure(launched.error());
  if (!send_message(process_.socket.get(), {}, request, MSG_DONTWAIT))
    return fail_errno(errno, "ask the helper for pid namespaces");
  return process_.pid;
}

// It does not answer: the next reader gets another, unless somebody has seen to that.
void PidHelper::give_up(pid_t helper) {
  const std::scoped_lock lock(mutex_);
  if (process_.pid == helper) bury();
}

Result<UniqueFd> PidHelper::open(int link, int pid_namespace) {
  std::array<int, 2> ends = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail_errno(errno, "make a socket for the helper");
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const auto helper = send(link, pid_namespace, theirs.get());
  if (!helper) return base::Failure(helper.error());
  theirs.reset();

  // The session, and then the end of all who could answer.
  const auto end = steady_clock::now() + kPatience + milliseconds(500);
  UniqueFd session;
  while (true) {
    if (!wait_for(ours.get(), end)) {
      give_up(*helper);
      return failed(ETIMEDOUT, "the helper did not answer");
    }
    Message message;
    Descriptors descriptors;
    if (!receive_message(ours.get(), message, descriptors)) break;
    if (message.code == ETIMEDOUT) return failed(ETIMEDOUT, "its process there did not answer");
    if (message.code != 0) return failed(message.code, base::errno_text(message.code));
    if (!descriptors[0].valid()) return failed(EMFILE, base::errno_text(EMFILE));
    session = std::move(descriptors[0]);
  }
  if (!session.valid()) return failed(EIO, "its process was killed");
  return session;
}

}  // namespace bpfdump::reader
