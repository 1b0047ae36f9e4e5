// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/fuse.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "fsd/ops.h"

namespace bpfdump::testing {

/// A struct of the FUSE protocol as its bytes.
template <class T>
std::string bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

/// What came back: a positive errno, or 0 and a body.
struct Reply {
  int error;
  std::string body;

  /// The struct at a place of the body.
  template <class T>
  [[nodiscard]] T as(std::size_t offset = 0) const {
    if (error != 0 || body.size() < offset + sizeof(T))
      throw std::runtime_error("the reply is " + std::to_string(body.size()) + " bytes, error " +
                               std::to_string(error));
    T value;
    std::memcpy(&value, body.data() + offset, sizeof(T));
    return value;
  }
};

/// The kernel's side of /dev/fuse: a socket pair that keeps the borders of messages, with libfuse's
/// loop at its other end in a thread. Requests are answered one after the other.
class FakeFuse {
 public:
  static constexpr std::uint32_t kUid = 12;
  static constexpr std::uint32_t kGid = 34;

  /// Borrows `ops`; greets it.
  explicit FakeFuse(fsd::Ops& ops) {
    const char* const argv[] = {"test", "-o", "max_read=1048576", nullptr};
    fuse_args arguments = FUSE_ARGS_INIT(3, const_cast<char**>(argv));
    session_ = fuse_session_new(&arguments, &fsd::Ops::table(), sizeof(fuse_lowlevel_ops), &ops);
    fuse_opt_free_args(&arguments);
    std::array<int, 2> ends = {-1, -1};
    if (session_ == nullptr ||
        ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
      throw std::runtime_error("no session");
    kernel_.reset(ends[0]);
    constexpr fuse_custom_io kIo = {.writev = send_reply,
                                    .read = receive_request,
                                    .splice_receive = nullptr,
                                    .splice_send = nullptr};
    if (fuse_session_custom_io(session_, &kIo, ends[1]) != 0)  // the session closes it
      throw std::runtime_error("no custom io");
    thread_ = std::thread([this] { fuse_session_loop(session_); });
    fuse_init_in greeting = {};
    greeting.major = FUSE_KERNEL_VERSION;
    greeting.minor = FUSE_KERNEL_MINOR_VERSION;
    greeting.flags = FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_DO_READDIRPLUS | FUSE_MAX_PAGES;
    init = call(FUSE_INIT, 0, bytes_of(greeting)).as<fuse_init_out>();
  }
  ~FakeFuse() {
    ::shutdown(kernel_.get(), SHUT_RDWR);
    thread_.join();
    fuse_session_destroy(session_);
  }
  FakeFuse(const FakeFuse&) = delete;
  FakeFuse& operator=(const FakeFuse&) = delete;

  /// Sends a request and waits for its reply.
  Reply call(std::uint32_t opcode, std::uint64_t node, const std::string& body = {}) {
    send(opcode, node, body);
    return receive(unique_);
  }
  /// Sends what has no reply, or whose reply receive() takes. Returns the request's number.
  std::uint64_t send(std::uint32_t opcode, std::uint64_t node, const std::string& body = {}) {
    unique_ += 2;
    fuse_in_header header = {};
    header.len = static_cast<std::uint32_t>(sizeof(header) + body.size());
    header.opcode = opcode;
    header.unique = opcode == FUSE_INTERRUPT ? unique_ | 1 : unique_;
    header.nodeid = node;
    header.uid = kUid;
    header.gid = kGid;
    header.pid = static_cast<std::uint32_t>(::getpid());
    const std::string frame = bytes_of(header) + body;
    if (::send(kernel_.get(), frame.data(), frame.size(), MSG_NOSIGNAL) != std::ssize(frame))
      throw std::runtime_error("the session is gone");
    return unique_;
  }
  [[nodiscard]] std::uint64_t next_unique() const { return unique_ + 2; }

  // The requests, with what is always the same filled in.
  Reply lookup(std::uint64_t parent, const std::string& name) {
    return call(FUSE_LOOKUP, parent, name + '\0');
  }
  /// The inode of a path from the root; 0: there is none.
  std::uint64_t walk(const std::vector<std::string>& path) {
    std::uint64_t node = FUSE_ROOT_ID;
    for (const auto& name : path) {
      const Reply found = lookup(node, name);
      if (found.error != 0) return 0;
      node = found.as<fuse_entry_out>().nodeid;
    }
    return node;
  }
  Reply getattr(std::uint64_t node) {
    return call(FUSE_GETATTR, node, bytes_of(fuse_getattr_in{}));
  }
  Reply mkdir(std::uint64_t parent, const std::string& name) {
    return call(FUSE_MKDIR, parent,
                bytes_of(fuse_mkdir_in{.mode = 0755, .umask = 022}) + name + '\0');
  }
  Reply rmdir(std::uint64_t parent, const std::string& name) {
    return call(FUSE_RMDIR, parent, name + '\0');
  }
  Reply create(std::uint64_t parent, const std::string& name, std::uint32_t flags) {
    fuse_create_in in = {};
    in.flags = flags;
    in.mode = S_IFREG | 0644;
    return call(FUSE_CREATE, parent, bytes_of(in) + name + '\0');
  }
  Reply open(std::uint64_t node, std::uint32_t flags) {
    return call(FUSE_OPEN, node, bytes_of(fuse_open_in{.flags = flags, .open_flags = 0}));
  }
  Reply read(std::uint64_t node, std::uint64_t handle, std::uint64_t offset, std::uint32_t size,
             std::uint32_t opcode = FUSE_READ) {
    fuse_read_in in = {};
    in.fh = handle;
    in.offset = offset;
    in.size = size;
    return call(opcode, node, bytes_of(in));
  }
  Reply write(std::uint64_t node, std::uint64_t handle, std::uint64_t offset,
              const std::string& data) {
    fuse_write_in in = {};
    in.fh = handle;
    in.offset = offset;
    in.size = static_cast<std::uint32_t>(data.size());
    return call(FUSE_WRITE, node, bytes_of(in) + data);
  }
  Reply flush(std::uint64_t node, std::uint64_t handle) {
    fuse_flush_in in = {};
    in.fh = handle;
    return call(FUSE_FLUSH, node, bytes_of(in));
  }
  Reply release(std::uint64_t node, std::uint64_t handle) {
    fuse_release_in in = {};
    in.fh = handle;
    return call(FUSE_RELEASE, node, bytes_of(in));
  }
  void forget(std::uint64_t node, std::uint64_t lookups) {
    send(FUSE_FORGET, node, bytes_of(fuse_forget_in{.nlookup = lookups}));
  }

  fuse_init_out init = {};

 private:
  static ssize_t receive_request(int fd, void* buffer, size_t size, void*) {
    const ssize_t received = ::recv(fd, buffer, size, 0);
    if (received != 0) return received;
    errno = ENODEV;  // as /dev/fuse says after an umount
    return -1;
  }
  static ssize_t send_reply(int fd, iovec* parts, int count, void*) {
    msghdr message = {};
    message.msg_iov = parts;
    message.msg_iovlen = static_cast<std::size_t>(count);
    return ::sendmsg(fd, &message, MSG_NOSIGNAL);
  }
  // The reply to one request; libfuse answers an interrupt of nothing when it pleases.
  Reply receive(std::uint64_t unique) {
    for (std::vector<char> frame(1 << 20);;) {
      const ssize_t size = ::recv(kernel_.get(), frame.data(), frame.size(), 0);
      fuse_out_header header = {};
      if (size < std::ssize(bytes_of(header))) throw std::runtime_error("the session is gone");
      std::memcpy(&header, frame.data(), sizeof(header));
      if (header.len != static_cast<std::size_t>(size)) throw std::runtime_error("a bad length");
      if (header.unique == unique)
        return {-header.error, {frame.data() + sizeof(header), frame.data() + size}};
      if (header.unique % 2 == 0) throw std::runtime_error("a reply to no request");
    }
  }

  base::UniqueFd kernel_;
  fuse_session* session_ = nullptr;
  std::uint64_t unique_ = 0;
  std::thread thread_;
};

}  // namespace bpfdump::testing
