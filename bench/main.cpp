// SPDX-License-Identifier: Apache-2.0
//
// Measures bpfdump against what a user would do without it, each pair in turn in the same run.
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/elsewhere.h"
#include "bench/measure.h"
#include "bench/mounted.h"
#include "bench/process.h"
#include "bench/report.h"
#include "bench/workload.h"

namespace {

using namespace bpfdump::bench;

Run reading(const std::string& path) {
  return [=] { return seconds([&] { read_all(path); }); };
}

Run running(const std::vector<std::string>& command) {
  return [=] { return seconds([&] { run(command); }); };
}

void progress(const std::string& what) { std::fprintf(stderr, "bench: %s\n", what.c_str()); }

/// The cover letter's experiment of 2020: https://lwn.net/Articles/819675/ has its figures.
void letter_of_2020(Report& report) {
  struct Size {
    int processes;
    int files;
    const char* figures_of_2020;
  };
  const std::string section = "The 2020 letter's experiment: processes x files";
  for (const Size& size : {Size{100, 100, "11,503 calls in 7,586 us"},
                           Size{1000, 1000, "1,013,203 calls in 709,513 us"},
                           Size{10000, 100, "1,130,203 calls in 764,519 us"}}) {
    progress(fmt::format("{} x {}", size.processes, size.files));
    const OpenFiles files(size.processes, size.files);
    const Mounted mounted;
    const auto nothing = mounted.copy("nothing", "task_file", "nothing");
    const auto printing = mounted.copy("printing", "task_file", "printing");
    const auto calls = static_cast<double>(count_lines(printing.pin) + 1);
    const std::string name = fmt::format("{} x {}", files.processes(), size.files);
    const int rounds = 15;
    const auto silent = compare(reading(nothing.file), reading(nothing.pin), rounds);
    const auto talking = compare(reading(printing.file), reading(printing.pin), rounds);
    const auto each = [&](const Comparison& c) {
      return fmt::format("{:.0f} calls, {:.3f} us a call", calls, c.ours.median * 1e6 / calls);
    };
    report.add(section, name + ", does nothing", "the pin, retried", silent,
               fmt::format("{}; 2020: {}", each(silent), size.figures_of_2020));
    report.add(section, name + ", prints", "the pin", talking, each(talking));
    report.add(section, name + ", prints, by cat", "cat of the pin",
               compare(running({"cat", printing.file}), running({"cat", printing.pin}), rounds),
               "whole processes");
  }
}

void what_a_user_would_run(Report& report) {
  progress("what a user would run instead");
  const std::string section = "What a user would run instead";
  const OpenFiles files(1000, 100);
  const Connections connections(2000);
  const Mounted mounted;
  const auto open_files = mounted.make("task_file", "files");
  const auto threads = mounted.make("task", "threads");
  const auto routes = mounted.make("ipv6_route", "routes");
  const auto sockets = mounted.copy("connections", "tcp", "connections");
  const auto against = [&](const Mounted::Dumper& dumper, const std::vector<std::string>& command,
                           const std::string& shown, int rounds) {
    report.add(section, fmt::format("cat {}", dumper.file.substr(dumper.file.find("/mount/") + 7)),
               shown, compare(running({"cat", dumper.file}), running(command), rounds),
               fmt::format("{} lines", count_lines(dumper.file)));
  };
  against(open_files, {"sh", "-c", "find /proc/[0-9]*/fd -type l -printf '%p %l\\n'; true"},
          "find /proc/[0-9]*/fd", 5);
  against(open_files, {"sh", "-c", "lsof -n -w; true"}, "lsof -n", 3);
  against(threads, {"ps", "-eL"}, "ps -eL", 9);
  against(sockets, {"ss", "-tan"}, "ss -tan", 9);
  against(routes, {"ip", "-6", "route"}, "ip -6 route", 9);
}

void small_dumps(Report& report) {
  progress("small dumps");
  const std::string section = "A dump of 100 lines";
  const Mounted mounted;
  const OpenFiles files(10, 100);
  const auto dumper = mounted.copy("lines", "task_file", "lines_100");
  const int repeat = 200;
  const auto often = [&](const std::string& path) {
    return [=] {
      return seconds([&] {
               for (int turn = 0; turn < repeat; ++turn) read_all(path);
             }) /
             repeat;
    };
  };
  report.add(section, "open, read, close", "the pin",
             compare(often(dumper.file), often(dumper.pin), 21), "in one process");
  const auto cats = [&](const std::string& path) {
    return [=] {
      return seconds([&] {
               for (int turn = 0; turn < repeat / 10; ++turn) run({"cat", path});
             }) /
             (repeat / 10);
    };
  };
  report.add(section, "cat", "cat of the pin", compare(cats(dumper.file), cats(dumper.pin), 41),
             "whole processes");
}

/// Everybody reads at once; the seconds until the last is done, and those of the slowest.
void many_readers(Report& report) {
  const std::string section = "Readers at once, 100,000 lines each";
  const OpenFiles files(100, 1100);
  const Mounted mounted;
  const auto dumper = mounted.copy("lines", "task_file", "lines_100000");
  for (const int readers : {1, 8, 64}) {
    progress(fmt::format("{} readers", readers));
    std::vector<double> slowest;
    const auto all_at_once = [&](const std::string& path, bool ours) {
      return [=, &slowest] {
        std::vector<double> times(static_cast<std::size_t>(readers));
        const double total = seconds([&] {
          std::vector<std::jthread> threads;
          for (double& time : times)
            threads.emplace_back([&, path] { time = seconds([&] { read_all(path); }); });
        });
        if (ours) slowest.push_back(*std::max_element(times.begin(), times.end()));
        return total;
      };
    };
    const auto comparison = compare(all_at_once(dumper.file, true), all_at_once(dumper.pin, false),
                                    readers > 8 ? 7 : 15);
    report.add(section, fmt::format("{} readers", readers), "as many of the pin", comparison,
               fmt::format("{:.1f} million lines/s; the slowest reader {}",
                           readers * 0.1 / comparison.ours.median,
                           duration_text(spread_of(slowest).median)));
  }
}

/// What it costs to be somewhere else than the daemon: open and close, where the iterator is
/// created.
void namespaces(Report& report) {
  progress("namespaces");
  const std::string section = "Opening a dumper in another namespace";
  const Mounted mounted;
  const auto maps = mounted.make("bpf_map", "maps");  // maps have no namespace
  const auto routes = mounted.make("ipv6_route", "routes");
  const auto threads = mounted.make("task", "threads");
  const Elsewhere here(0);
  const Elsewhere other_network(CLONE_NEWNET);
  const Elsewhere other_pids(CLONE_NEWPID);
  const auto opening = [](const Elsewhere& where, const Mounted::Dumper& dumper) {
    return [&where, &dumper] { return where.seconds_to_open(dumper.file, 200); };
  };
  const int rounds = 21;
  report.add(section, "ipv6_route, the same network", "bpf_map",
             compare(opening(here, routes), opening(here, maps), rounds), "nothing is entered");
  report.add(section, "task, the same pid namespace", "bpf_map",
             compare(opening(here, threads), opening(here, maps), rounds), "nothing is entered");
  report.add(section, "ipv6_route, another network", "the same one",
             compare(opening(other_network, routes), opening(here, routes), rounds), "by a thread");
  report.add(section, "task, another pid namespace", "the same one",
             compare(opening(other_pids, threads), opening(here, threads), rounds), "by a process");
}

void memory(Report& report) {
  progress("memory");
  const std::string section = "Resident memory of the daemon";
  const OpenFiles files(1800, 1000);
  const Mounted mounted;
  const auto printing = mounted.copy("printing", "task_file", "printing");
  const auto resident = [&] { return resident_kib(mounted.pid()); };
  const auto fact = [&](const std::string& what, std::uint64_t kib) {
    report.add_fact(section, what, fmt::format("{} KiB", kib));
  };
  const auto idle = resident();
  fact("idle", idle);

  std::uint64_t most = idle;
  std::uint64_t bytes = 0;
  std::jthread reader([&] { bytes = read_all(printing.file); });
  std::jthread watcher([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) most = std::max(most, resident());
  });
  reader.join();
  watcher.request_stop();
  watcher.join();
  fact(fmt::format("more during a dump of {} MB", bytes / 1'000'000), most - idle);
  fact("more after it", std::max(resident(), idle) - idle);

  for (int dumper = 0; dumper < 100; ++dumper)
    mounted.copy("nothing", "task_file", fmt::format("nothing{}", dumper));
  fact("with 100 dumpers", resident());
}

bool write(const std::string& path, const std::string& text) {
  return static_cast<bool>(std::ofstream(path) << text);
}

struct Part {
  std::string_view name;
  void (*measure)(Report&);
};
constexpr Part kParts[] = {{"small", small_dumps},     {"letter", letter_of_2020},
                           {"readers", many_readers},  {"peers", what_a_user_would_run},
                           {"namespaces", namespaces}, {"memory", memory}};

/// Measures the parts that are named, or all.
int measure(const std::vector<std::string_view>& names) {
  // In a network of its own, what is measured does not depend on the machine's.
  enter_own_network(5000);
  Report report;
  for (const auto& [name, part] : kParts) {
    if (names.empty() || std::find(names.begin(), names.end(), name) != names.end()) part(report);
  }

  const std::string directory = BPFDUMP_BUILD_DIR "/bench";
  std::fputs(report.markdown().c_str(), stdout);
  if (!write(directory + "/report.md", report.markdown()) ||
      !write(directory + "/report.svg", report.svg()))
    die("write the report to " + directory);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return measure({argv + 1, argv + argc});
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "bpfdump-bench: %s\n", exception.what());
    return EXIT_FAILURE;
  }
}
