// SPDX-License-Identifier: Apache-2.0
#include "reader/iterator_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>

namespace bpfdump::reader {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using State = Production::State;

// Sleeps, but wakes at once when `stop` is requested.
void sleep(milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, duration, [] { return false; });
}

}  // namespace

base::Result<Production> IteratorReader::produce(std::span<char> room,
                                                 const std::stop_token& stop) {
  if (room.size() < kKernelBuffer) return Production{State::overflow};

  const auto begin = steady_clock::now();
  if (backoff_ > milliseconds(0)) sleep(backoff_, stop);
  if (stop.stop_requested()) return base::fail_errno(EINTR, "read the iterator");

  if (cut_) {
    return base::fail(E2BIG,
                      "read the iterator: it printed more than {} KiB, and the kernel does not say "
                      "whether that was all; print less",
                      kWithoutResuming / 1024);
  }

  const auto reading = steady_clock::now();
  const ssize_t size = ::read(iterator_.get(), room.data(), room.size());
  if (size >= 0) {
    stalled_ = {};
    backoff_ = {};
    cut_ = !resumes_ && static_cast<std::size_t>(size) > kWithoutResuming;
    return size == 0 ? Production{State::end}
                     : Production{State::records, static_cast<std::size_t>(size)};
  }
  if (errno == E2BIG)
    return base::fail(E2BIG,
                      "read the iterator: the program printed more than the kernel's {} KiB "
                      "for one object; print less",
                      kKernelBuffer / 1024);
  if (errno != EAGAIN) return base::fail_errno(errno, "read the iterator");

  // Either a million objects went by in silence and the next read goes on behind them, or the
  // program asks to be called for the same object again. Nothing tells them apart but the time
  // that they take; only the latter is worth waiting for.
  const auto now = steady_clock::now();
  backoff_ = now - reading < milliseconds(1)
                 ? std::clamp(backoff_ * 2, milliseconds(1), milliseconds(32))
                 : milliseconds(0);
  stalled_ += now - begin;
  if (stalled_ < stall_timeout_) return Production{State::pause};
  stalled_ = {};
  return base::fail(EAGAIN, "read the iterator: no output for {} ms", stall_timeout_.count());
}

}  // namespace bpfdump::reader
