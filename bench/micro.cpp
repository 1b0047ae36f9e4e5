// SPDX-License-Identifier: Apache-2.0
//
// The steps between the kernel and a reader, without the kernel: what a change to them costs.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "fsd/slots.h"
#include "fsd/tree.h"
#include "reader/session.h"

namespace {

using namespace bpfdump;

// A file in memory in the place of an iterator.
base::Result<base::UniqueFd> open_text(const std::string& text) {
  base::UniqueFd file(::memfd_create("records", MFD_CLOEXEC));
  if (::pwrite(file.get(), text.data(), text.size(), 0) != std::ssize(text))
    return base::fail_errno(errno, "write records");
  return file;
}

/// Argument: the size of the dump in bytes.
void whole_session(benchmark::State& state) {
  const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    auto session = reader::Session::open([&] { return reader::only(open_text(text)); }, {});
    std::uint64_t offset = 0;
    while (true) {
      const auto bytes = session->read(offset, 128 * 1024, {});
      if (!bytes || !*bytes || (*bytes)->empty()) break;
      offset += (*bytes)->size();
      session->read_ahead({});
    }
    if (offset != text.size()) state.SkipWithError("the dump is not whole");
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(whole_session)->Arg(4 << 10)->Arg(100 << 10)->Arg(10 << 20);

/// Argument: the number of names in the directory.
void look_up_a_name(benchmark::State& state) {
  fsd::Tree tree;
  const auto directory = tree.add_directory(fsd::Tree::kRoot, "task");
  for (int name = 0; name < state.range(0); ++name)
    tree.add_text(directory, fmt::format("dumper{}", name), 0440, [] { return std::string(); });
  for (auto _ : state) benchmark::DoNotOptimize(tree.lookup(directory, "dumper7"));
}
BENCHMARK(look_up_a_name)->Arg(10)->Arg(10'000);

void run_in_a_free_slot(benchmark::State& state) {
  fsd::Slots slots({.total = 16, .per_uid = 8});
  for (auto _ : state) {
    const auto job = std::make_shared<fsd::Slots::Job>();
    job->key = job.get();
    job->run = [](const std::stop_token&) { return true; };
    slots.submit(job);
  }
}
BENCHMARK(run_in_a_free_slot);

}  // namespace

BENCHMARK_MAIN();
