// SPDX-License-Identifier: Apache-2.0
#include "reader/namespace_entry.h"

#include <sched.h>

#include <cerrno>
#include <system_error>
#include <thread>

namespace bpfdump::reader {
namespace {

using base::fail_errno;
using base::Result;
using base::UniqueFd;

// setns(2) is about the calling thread. A thread that is done for good need not find its way back,
// and nothing else is ever created in the wrong namespace.
Result<UniqueFd> open_in_network(const loader::Iterator& iterator, int network) {
  Result<UniqueFd> session = fail_errno(EIO, "enter the reader's network namespace");
  try {
    std::thread([&] {
      session = ::setns(network, CLONE_NEWNET) == 0
                    ? iterator.open()
                    : fail_errno(errno, "enter the reader's network namespace");
    }).join();
  } catch (const std::system_error& error) {
    return fail_errno(error.code().value(), "start a thread for a network namespace");
  }
  return session;
}

}  // namespace

Result<UniqueFd> NamespaceEntry::open(const loader::Iterator& iterator, const NamespacePtr& where) {
  if (!where) return iterator.open();
  if (where->kind == targets::NamespaceKind::net) return open_in_network(iterator, where->fd.get());
  return helper_.open(iterator.fd(), where->fd.get());
}

}  // namespace bpfdump::reader
