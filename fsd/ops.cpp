// SPDX-License-Identifier: Apache-2.0
#include "fsd/ops.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace bpfdump::fsd {
namespace {

using base::Result;
using Lane = SlowRequests::Lane;
using Reply = SlowRequests::Reply;

// Names and attributes change by requests through the kernel only, so it may keep them a while.
// A name that is not a dumper yet, a log that the next attempt replaces, and the directory that
// mkdir answers, are only for this moment.
constexpr double kKeep = 1.0;
constexpr double kAskAgain = 0.0;

constexpr unsigned kLargestTransfer = 1 << 20;

int code_of(const base::Error& error) { return error.code > 0 ? error.code : EIO; }

void reply_code(fuse_req_t request, int code) { fuse_reply_err(request, code); }

/// Calls what answers a request and returns 0, or returns an errno to answer with.
void answer(fuse_req_t request, const std::function<int()>& function) {
  if (const int code = guarded(function); code != 0) fuse_reply_err(request, code);
}

fuse_entry_param entry_of(const struct stat& attributes, double keep) {
  fuse_entry_param entry = {};
  entry.ino = attributes.st_ino;
  entry.attr = attributes;
  entry.attr_timeout = keep;
  entry.entry_timeout = keep;
  return entry;
}

Owner owner(fuse_req_t request) {
  const fuse_ctx* context = fuse_req_ctx(request);
  return {context->uid, context->gid};
}

}  // namespace

/// The handlers. Functions that return a number return 0 when they have replied, else an errno.
struct Ops::Table {
  static Ops& ops(fuse_req_t request) { return *static_cast<Ops*>(fuse_req_userdata(request)); }
  static Filesystem& fs(fuse_req_t request) { return ops(request).filesystem_; }

  static void init(void* data, fuse_conn_info* connection) {
    connection->max_read = kLargestTransfer;  // as the mount option says
    connection->max_write = kLargestTransfer;
    connection->want |= connection->capable & FUSE_CAP_ATOMIC_O_TRUNC;
    // The kernel asks for attributes by lookup soon enough; listing must stay cheap.
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_SPLICE_READ | FUSE_CAP_WRITEBACK_CACHE);
    static_cast<Ops*>(data)->on_ready_();
  }

  static void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    answer(request, [&] {
      const auto found = fs(request).lookup(parent, name, owner(request).uid);
      if (!found) return code_of(found.error());
      const bool fleeting = S_ISREG(found->st_mode) && fs(request).is_fleeting(found->st_ino);
      reply_entry(request, *found, fleeting ? kAskAgain : kKeep);
      return 0;
    });
  }

  static void reply_entry(fuse_req_t request, const struct stat& attributes, double keep) {
    Filesystem& filesystem = fs(request);
    const fuse_entry_param entry = entry_of(attributes, keep);
    // The kernel never learned of it when its caller is gone.
    if (fuse_reply_entry(request, &entry) == -ENOENT) filesystem.forget(entry.ino, 1);
  }

  static void forget(fuse_req_t request, fuse_ino_t ino, std::uint64_t lookups) {
    fs(request).forget(ino, lookups);
    fuse_reply_none(request);
  }

  static void forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
    for (const auto& one : std::span(forgets, count)) fs(request).forget(one.ino, one.nlookup);
    fuse_reply_none(request);
  }

  static void getattr(fuse_req_t request, fuse_ino_t ino, fuse_file_info*) {
    answer(request, [&] { return reply_attributes(request, fs(request).stat(ino)); });
  }

  static int reply_attributes(fuse_req_t request, const Result<struct stat>& attributes) {
    if (!attributes) return code_of(attributes.error());
    fuse_reply_attr(request, &*attributes, kKeep);
    return 0;
  }

  static void setattr(fuse_req_t request, fuse_ino_t ino, struct stat* wanted, int what,
                      fuse_file_info* file) {
    answer(request, [&] {
      timespec now{};
      clock_gettime(CLOCK_REALTIME, &now);
      AttributeChanges changes;
      if (what & FUSE_SET_ATTR_MODE) changes.mode = wanted->st_mode;
      if (what & FUSE_SET_ATTR_UID) changes.uid = wanted->st_uid;
      if (what & FUSE_SET_ATTR_GID) changes.gid = wanted->st_gid;
      if (what & FUSE_SET_ATTR_ATIME) changes.atime = wanted->st_atim;
      if (what & FUSE_SET_ATTR_MTIME) changes.mtime = wanted->st_mtim;
      if (what & FUSE_SET_ATTR_ATIME_NOW) changes.atime = now;
      if (what & FUSE_SET_ATTR_MTIME_NOW) changes.mtime = now;
      std::optional<std::uint64_t> size;
      if (what & FUSE_SET_ATTR_SIZE) size = static_cast<std::uint64_t>(wanted->st_size);
      const auto handle = file == nullptr ? nullptr : fs(request).handle(file->fh);
      const bool touches = (what & FUSE_SET_ATTR_MTIME_NOW) != 0 && !size;
      return reply_attributes(request,
                              fs(request).change(ino, changes, size, touches, handle.get()));
    });
  }

  static void readlink(fuse_req_t request, fuse_ino_t ino) {
    answer(request, [&] {
      const auto target = fs(request).readlink(ino);
      if (!target) return code_of(target.error());
      fuse_reply_readlink(request, target->c_str());
      return 0;
    });
  }

  // The work of a slow request must not touch the request: an interrupt may have answered it.
  static void mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t) {
    ops(request).slow_.run({request, Lane::commit, owner(request).uid, nullptr},
                           [request, &filesystem = fs(request), parent, name = std::string(name),
                            by = owner(request)](const std::stop_token&) -> Reply {
                             const auto face = filesystem.mkdir(parent, name, by);
                             if (!face) return error(request, face.error());
                             return
                                 [request, face = *face] { reply_entry(request, face, kAskAgain); };
                           });
  }

  static void unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
    answer(request, [&] {
      const auto removed = fs(request).unlink(parent, name);
      fuse_reply_err(request, removed ? 0 : code_of(removed.error()));
      return 0;
    });
  }

  static void rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
    answer(request, [&] {
      const auto removed = fs(request).rmdir(parent, name);
      fuse_reply_err(request, removed ? 0 : code_of(removed.error()));
      return 0;
    });
  }

  // What the tree has no place for.
  static void mknod(fuse_req_t request, fuse_ino_t, const char*, mode_t, dev_t) {
    reply_code(request, EPERM);
  }
  static void symlink(fuse_req_t request, const char*, fuse_ino_t, const char*) {
    reply_code(request, EPERM);
  }
  static void link(fuse_req_t request, fuse_ino_t, fuse_ino_t, const char*) {
    reply_code(request, EPERM);
  }
  static void rename(fuse_req_t request, fuse_ino_t from, const char*, fuse_ino_t to, const char*,
                     unsigned) {
    reply_code(request, from == to ? EOPNOTSUPP : EXDEV);
  }

  static void create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t,
                     fuse_file_info* file) {
    answer(request, [&] {
      const auto opened = fs(request).create_file(
          parent, name, ops(request).caller(request, file->flags), file->flags);
      if (!opened) return code_of(opened.error());
      file->fh = opened->handle;
      file->direct_io = 1;
      Filesystem& filesystem = fs(request);
      const fuse_entry_param entry = entry_of(opened->attributes, kAskAgain);
      if (fuse_reply_create(request, &entry, file) == -ENOENT) {
        filesystem.release(opened->handle);
        filesystem.forget(entry.ino, 1);
      }
      return 0;
    });
  }

  static void open(fuse_req_t request, fuse_ino_t ino, fuse_file_info* file) {
    answer(request, [&] {
      const auto opened =
          fs(request).open(ino, ops(request).caller(request, file->flags), file->flags);
      if (!opened) return code_of(opened.error());
      file->fh = opened->handle;
      // st_size is 0: only direct reads get at the content. A reader's close has nothing to say.
      file->direct_io = 1;
      file->noflush = (file->flags & O_ACCMODE) == O_RDONLY;
      if (opened->must_begin)
        begin(request, *file);
      else
        reply_open(request, *file);
      return 0;
    });
  }

  /// A handle that nobody knows before the reply to its open: without one, it goes with this.
  class Unknown {
   public:
    Unknown(Filesystem& filesystem, std::uint64_t handle)
        : filesystem_(filesystem), handle_(handle) {}
    ~Unknown() {
      if (handle_) filesystem_.release(*handle_);
    }
    Unknown(const Unknown&) = delete;
    Unknown& operator=(const Unknown&) = delete;
    void reveal() { handle_.reset(); }

   private:
    Filesystem& filesystem_;
    std::optional<std::uint64_t> handle_;
  };

  static void begin(fuse_req_t request, const fuse_file_info& file) {
    Filesystem& filesystem = fs(request);
    const auto handle = filesystem.handle(file.fh);
    const auto unknown = std::make_shared<Unknown>(filesystem, file.fh);
    ops(request).slow_.run(
        {request, Lane::read, handle->uid, handle.get()},
        [request, file, &filesystem, handle, unknown](const std::stop_token&) -> Reply {
          const auto begun = filesystem.begin(*handle);
          if (!begun) return error(request, begun.error());
          return [request, file, unknown] {
            unknown->reveal();
            reply_open(request, file);
          };
        });
  }

  static void reply_open(fuse_req_t request, const fuse_file_info& file) {
    Filesystem& filesystem = fs(request);
    if (fuse_reply_open(request, &file) == -ENOENT) filesystem.release(file.fh);
  }

  static void read(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset,
                   fuse_file_info* file) {
    const auto handle = fs(request).handle(file->fh);
    if (!handle) return reply_code(request, EBADF);
    const SlowRequests::Request slow = {request, handle->session ? Lane::read : Lane::commit,
                                        handle->uid, handle.get()};
    ops(request).slow_.run(slow,
                           [request, &self = ops(request), handle, size,
                            offset](const std::stop_token& stop) -> Reply {
                             const auto read = [&] {
                               return self.filesystem_.read(
                                   *handle, static_cast<std::uint64_t>(offset), size, stop);
                             };
                             auto bytes = read();
                             // Nothing yet, after a million silent objects or because the program
                             // asks for patience.
                             while (bytes && !*bytes && !self.slow_.contended(Lane::read))
                               bytes = read();
                             if (!bytes) return error(request, bytes.error());
                             if (!*bytes) return SlowRequests::kInTurn;
                             return [request, &self, handle, bytes = **bytes] {
                               fuse_reply_buf(request, bytes.data(), bytes.size());
                               // This thread is warm and the reader is busy: go on with what it
                               // will want next, unless somebody waits for the slot.
                               if (!self.slow_.contended(Lane::read))
                                 self.filesystem_.read_ahead(*handle);
                             };
                           });
  }

  static void write(fuse_req_t request, fuse_ino_t, const char* data, std::size_t size,
                    off_t offset, fuse_file_info* file) {
    answer(request, [&] {
      const auto handle = fs(request).handle(file->fh);
      if (!handle) return EBADF;
      const auto written = fs(request).write(*handle, static_cast<std::uint64_t>(offset),
                                             std::as_bytes(std::span(data, size)));
      if (!written) return code_of(written.error());
      fuse_reply_write(request, size);
      return 0;
    });
  }

  static void flush(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
    const auto handle = fs(request).handle(file->fh);
    if (!handle || !handle->staging) return reply_code(request, 0);
    ops(request).slow_.run(
        {request, Lane::commit, handle->uid, handle.get()},
        [request, &filesystem = fs(request), handle](const std::stop_token&) -> Reply {
          const auto flushed = filesystem.flush(*handle);
          if (!flushed) return error(request, flushed.error());
          return [request] { reply_code(request, 0); };
        });
  }

  static void fsync(fuse_req_t request, fuse_ino_t ino, int, fuse_file_info* file) {
    flush(request, ino, file);
  }

  static void release(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
    answer(request, [&] {
      fs(request).release(file->fh);
      fuse_reply_err(request, 0);
      return 0;
    });
  }

  static void readdir(fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t position,
                      fuse_file_info*) {
    answer(request, [&] {
      Listing listing(request, size);
      const auto listed = fs(request).list(
          ino, static_cast<std::uint64_t>(position), [&](const Tree::Entry& entry) {
            return listing.add(entry, [&](std::span<char> room, const char* name) {
              return fuse_add_direntry(request, room.data(), room.size(), name, &entry.attributes,
                                       static_cast<off_t>(entry.next));
            });
          });
      if (!listed) return code_of(listed.error());
      listing.reply();
      return 0;
    });
  }

  static void readdirplus(fuse_req_t request, fuse_ino_t ino, std::size_t size, off_t position,
                          fuse_file_info*) {
    answer(request, [&] {
      Listing listing(request, size);
      Filesystem& filesystem = fs(request);
      std::vector<Ino> looked_up;
      const auto listed = filesystem.list_and_lookup(
          ino, static_cast<std::uint64_t>(position), [&](const Tree::Entry& entry) {
            const fuse_entry_param parameters =
                entry_of(entry.attributes, entry.is_text ? kAskAgain : kKeep);
            const bool added = listing.add(entry, [&](std::span<char> room, const char* name) {
              return fuse_add_direntry_plus(request, room.data(), room.size(), name, &parameters,
                                            static_cast<off_t>(entry.next));
            });
            if (added && !entry.is_dot) looked_up.push_back(entry.attributes.st_ino);
            return added;
          });
      if (!listed) return code_of(listed.error());
      if (listing.reply() == -ENOENT) {
        for (const Ino one : looked_up) filesystem.forget(one, 1);
      }
      return 0;
    });
  }

  static void statfs(fuse_req_t request, fuse_ino_t) {
    struct statvfs numbers = {};
    numbers.f_bsize = numbers.f_frsize = 4096;
    numbers.f_namemax = 255;
    fuse_reply_statfs(request, &numbers);
  }

  /// The answer to a listing, as it fills.
  class Listing {
   public:
    Listing(fuse_req_t request, std::size_t size)
        : request_(request), buffer_(std::min<std::size_t>(size, kLargestTransfer)) {}

    /// `add_entry(room, name)` is one of libfuse's, which return the size that they need.
    template <class AddEntry>
    bool add(const Tree::Entry& entry, AddEntry add_entry) {
      const std::span<char> room = std::span(buffer_).subspan(used_);
      const std::size_t needed = add_entry(room, std::string(entry.name).c_str());
      if (needed > room.size()) return false;
      used_ += needed;
      return true;
    }

    int reply() { return fuse_reply_buf(request_, buffer_.data(), used_); }

   private:
    fuse_req_t request_;
    std::vector<char> buffer_;
    std::size_t used_ = 0;
  };

  static Reply error(fuse_req_t request, const base::Error& error) {
    return [request, code = code_of(error)] { reply_code(request, code); };
  }

  static void interrupted(fuse_req_t request, void* ticket) {
    ops(request).slow_.interrupt(request, ticket);
  }
};

Ops::Ops(Filesystem& filesystem, Limits limits, MayLoad may_load, std::function<void()> on_ready)
    : filesystem_(filesystem),
      slow_(limits.reads, limits.commits, Table::interrupted),
      may_load_(std::move(may_load)),
      on_ready_(std::move(on_ready)) {
  filesystem_.add_own_text("metrics", [this] { return metrics(); });
}

// Readers pay nothing for what only writers need.
Filesystem::Caller Ops::caller(fuse_req_t request, int flags) const {
  const pid_t thread = fuse_req_ctx(request)->pid;
  Filesystem::Caller caller{owner(request), {}, thread};
  if ((flags & O_ACCMODE) != O_RDONLY) caller.may_load = may_load_(thread);
  return caller;
}

// Prometheus' text format; only what no other file of .bpfdump says.
std::string Ops::metrics() {
  const auto gauge = [](std::string_view name, std::string_view help) {
    return fmt::format("# HELP bpfdump_{0} {1}\n# TYPE bpfdump_{0} gauge\n", name, help);
  };
  std::string running = gauge("requests_running", "Requests that run a program or load one.");
  std::string parked = gauge("requests_parked", "Requests that wait for their turn.");
  std::string oldest = gauge("oldest_request_seconds", "Age of the oldest of both kinds.");
  for (const auto& [kind, lane] : {std::pair{"read", Lane::read}, {"commit", Lane::commit}}) {
    const Slots::Status status = slow_.status(lane);
    running += fmt::format("bpfdump_requests_running{{kind=\"{}\"}} {}\n", kind, status.running);
    parked += fmt::format("bpfdump_requests_parked{{kind=\"{}\"}} {}\n", kind, status.parked);
    oldest += fmt::format("bpfdump_oldest_request_seconds{{kind=\"{}\"}} {:.3f}\n", kind,
                          std::chrono::duration<double>(status.oldest).count());
  }
  return running + parked + oldest;
}

void Ops::stop() { slow_.stop(); }

unsigned Ops::threads(const Limits& limits) {
  constexpr std::size_t kShortRequests = 4;
  return static_cast<unsigned>(limits.reads.total + limits.commits.total + kShortRequests);
}

const fuse_lowlevel_ops& Ops::table() {
  static const fuse_lowlevel_ops table = [] {
    fuse_lowlevel_ops ops = {};
    ops.init = Table::init;
    ops.lookup = Table::lookup;
    ops.forget = Table::forget;
    ops.forget_multi = Table::forget_multi;
    ops.getattr = Table::getattr;
    ops.setattr = Table::setattr;
    ops.readlink = Table::readlink;
    ops.mkdir = Table::mkdir;
    ops.unlink = Table::unlink;
    ops.rmdir = Table::rmdir;
    ops.mknod = Table::mknod;
    ops.symlink = Table::symlink;
    ops.link = Table::link;
    ops.rename = Table::rename;
    ops.create = Table::create;
    ops.open = Table::open;
    ops.read = Table::read;
    ops.write = Table::write;
    ops.flush = Table::flush;
    ops.fsync = Table::fsync;
    ops.release = Table::release;
    ops.readdir = Table::readdir;
    ops.readdirplus = Table::readdirplus;
    ops.statfs = Table::statfs;
    return ops;
  }();
  return table;
}

}  // namespace bpfdump::fsd
