// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace bpfdump::bench {

/// Starts a program found on PATH with its output thrown away.
[[nodiscard]] pid_t spawn(const std::vector<std::string>& command);

/// Waits for it; whether it exited with 0.
bool wait_for(pid_t pid);

/// spawn() and wait_for(); gives up if the program fails.
void run(const std::vector<std::string>& command);

/// Reads a file to its end as cat does, 128 KiB at a time; an iterator's EAGAIN means go on. The
/// number of bytes.
std::uint64_t read_all(const std::string& path);

/// The same, and how many lines it was.
std::uint64_t count_lines(const std::string& path);

/// Resident memory of a process in KiB, from /proc/PID/smaps_rollup.
[[nodiscard]] std::uint64_t resident_kib(pid_t pid);

/// Gives up: throws std::system_error with errno, so that what was set up is taken down.
[[noreturn]] void die(const std::string& what);

}  // namespace bpfdump::bench
