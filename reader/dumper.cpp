// SPDX-License-Identifier: Apache-2.0
#include "reader/dumper.h"

#include <cerrno>

namespace bpfdump::reader {

base::Result<Session> Dumper::open(const Session::Settings& settings) {
  auto session = Session::open(open_iterator_, settings);
  if (session)
    ++opens_;
  else
    count(session.error());
  return session;
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
