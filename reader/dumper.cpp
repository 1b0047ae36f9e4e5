// SPDX-License-Identifier: Apache-2.0
#include "reader/dumper.h"

#include <cerrno>
#include <utility>

namespace bpfdump::reader {

base::Result<Session> Dumper::open(const Session::Settings& settings, const NamespacePtr& where) {
  auto session = Session::open([this, where] { return begin(where); }, settings);
  if (session)
    ++opens_;
  else
    count(session.error());
  return session;
}

// A program that is replaced while its iterator is created makes that one a mixture: begin again.
base::Result<Parts> Dumper::begin(const NamespacePtr& where) const {
  while (true) {
    const auto how = current();
    auto parts = (*how)(where);
    if (how == current()) return parts;
  }
}

std::shared_ptr<const Dumper::Begin> Dumper::current() const {
  const std::scoped_lock lock(mutex_);
  return begin_;
}

base::Result<void> Dumper::replace(const std::function<base::Result<void>()>& update, Begin begin) {
  auto next = std::make_shared<const Begin>(std::move(begin));
  const std::scoped_lock lock(mutex_);
  auto updated = update();
  if (updated) begin_ = std::move(next);
  return updated;
}

void Dumper::count(const base::Error& error) {
  if (error.code == EINTR) return;
  const std::scoped_lock lock(mutex_);
  last_error_ = error.message;
}

std::string Dumper::last_error() const {
  const std::scoped_lock lock(mutex_);
  return last_error_;
}

}  // namespace bpfdump::reader
