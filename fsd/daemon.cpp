// SPDX-License-Identifier: Apache-2.0
#include "fsd/daemon.h"

#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>

#include "fsd/background.h"
#include "fsd/caller.h"
#include "fsd/filesystem.h"
#include "fsd/logging.h"
#include "fsd/mount.h"
#include "fsd/ops.h"
#include "fsd/preflight.h"
#include "fsd/store.h"
#include "fsd/version.h"
#include "targets/catalog.h"

namespace bpfdump::fsd {
namespace {

using base::Result;

constexpr std::chrono::seconds kPatience{3};  // with the work at hand when the daemon ends

// Every dumper holds a descriptor and every reader another: take what the system grants.
void raise_file_limit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    spdlog::warn("raise the limit of open files: {}, ignoring", base::errno_text(errno));
}

// Loading a program takes megabytes for a moment, the kernel's types above all. Left alone, malloc
// gets used to blocks of that size and keeps them: 100 dumpers took 50 MiB instead of 3.
void give_back_large_blocks() {
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  mallopt(M_TRIM_THRESHOLD, 128 << 10);
}

sigset_t handled_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

// What can change while mounted does; what can't is named.
void reload(const Arguments& arguments, const config::Config& running) {
  const auto fresh = configure(arguments);
  if (!fresh) {
    spdlog::error("reload: {}; the old configuration stays", fresh.error().message);
    return;
  }
  set_log_level(fresh->log.level);
  config::Config same = *fresh;
  same.log.level = running.log.level;
  spdlog::info("reloaded: log.level{}",
               same == running ? "" : "; other changes take effect at the next start");
}

/// Waits for signals in a thread of its own, until it goes.
class SignalThread {
 public:
  template <class OnStop, class OnReload>
  SignalThread(OnStop on_stop, OnReload on_reload)
      : thread_([=, this] {
          const sigset_t signals = handled_signals();
          int signal = 0;
          while (sigwait(&signals, &signal) == 0 && !leaving_) {
            if (signal == SIGHUP) {
              on_reload();
            } else {
              spdlog::info("stopping: {}", strsignal(signal));
              on_stop();
              return;
            }
          }
        }) {}
  ~SignalThread() {
    leaving_ = true;
    pthread_kill(thread_.native_handle(), SIGHUP);
    thread_.join();
  }
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  std::atomic<bool> leaving_ = false;
  std::thread thread_;
};

Ops::Limits limits_of(const config::Limits& limits) {
  // Whatever the configuration says, no user gets all slots.
  const std::uint32_t share = std::min(limits.readers_per_uid, std::max(limits.readers - 1, 1U));
  return {.reads = {limits.readers, share}, .commits = {4, 2}};
}

}  // namespace

Result<config::Config> configure(const Arguments& arguments) {
  const std::string file = arguments.config.value_or(std::string(config::kDefaultPath));
  auto config = config::load(file);
  if (!config) {
    if (arguments.config || config.error().code != ENOENT) return config;
    config = config::Config{};
  }
  if (arguments.pins) config->paths.pins = *arguments.pins;
  if (arguments.state) config->paths.state = *arguments.state;
  if (arguments.mount_point) config->mount.point = *arguments.mount_point;
  return config;
}

Result<std::string> check_configuration(const Arguments& arguments, const config::Config& config) {
  if (auto ok = check_paths(config.mount.point, config.paths); !ok)
    return base::Failure(ok.error());
  std::string text;
  const auto catalog = targets::Catalog::of_running_kernel();
  for (const auto& [name, settings] : config.targets) {
    if (settings.group) {
      if (auto group = group_number(*settings.group); !group)
        return base::fail(EINVAL, "[target.{}]: {}", name, group.error().message);
    }
    if (catalog && catalog->find(name) == nullptr)
      text +=
          fmt::format("[target.{}]: this kernel has no such target, it will be ignored\n", name);
  }
  const std::string file = arguments.config.value_or(std::string(config::kDefaultPath));
  return text + (std::filesystem::exists(file)
                     ? fmt::format("'{}' is valid", file)
                     : fmt::format("there is no '{}'; the defaults are valid", file));
}

Result<void> run_daemon(const Arguments& arguments, const config::Config& config) {
  if (auto ok = check_privileges(); !ok) return ok;
  if (auto ok = check_fuse(); !ok) return ok;
  if (auto ok = check_paths(config.mount.point, config.paths); !ok) return ok;
  if (auto ok = check_mount_point(config.mount.point); !ok) return ok;
  const auto catalog = targets::Catalog::of_running_kernel();
  if (!catalog) return base::Failure(catalog.error());
  if (auto ok = prepare_bpffs(config.paths.pins); !ok) return ok;
  if (auto ok = start_logging(config.log, arguments.foreground); !ok) return ok;
  raise_file_limit();
  give_back_large_blocks();

  auto store = Store::open(config.paths.pins);
  if (!store) return base::Failure(store.error());
  reader::NamespaceEntry entry;
  const auto filesystem = Filesystem::create(*catalog, config, std::move(*store), entry);
  if (!filesystem) return base::Failure(filesystem.error());

  std::optional<Background> background;
  const auto ready = [&] {
    spdlog::info("bpfdumpd {}: {} targets at '{}'", kVersion, catalog->targets().size(),
                 config.mount.point);
    sd_notify(0, "READY=1");
    if (background) background->ready(config.log.sink == "stderr");
  };
  const Ops::Limits limits = limits_of(config.limits);
  Ops ops(**filesystem, limits, may_load_programs, ready);

  // Signals go to their own thread, so all others, which inherit the mask, must not take them.
  const sigset_t signals = handled_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  auto mount = Mount::create(ops, resolve(config.mount.point));
  if (!mount) return base::Failure(mount.error());
  if (!arguments.foreground) {
    auto split = Background::split();
    if (!split) return base::Failure(split.error());
    if (split->side() == Background::Side::starter) {
      const auto answered = split->wait();
      // The mount is the daemon's: leave without taking it down.
      std::_Exit(answered ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    background = std::move(*split);
  }

  if (auto started = entry.start_helper(); !started) return started;

  const auto stop = [&] {
    sd_notify(0, "STOPPING=1");
    ops.stop();
    // All readers are answered; a thread may still be in a program that the kernel does not stop.
    if (auto stopped = mount->stop(kPatience); !stopped) {
      spdlog::error("{}; ending without it", stopped.error().message);
      std::_Exit(EXIT_FAILURE);
    }
  };
  const auto on_reload = [&] {
    sd_notify(0, "RELOADING=1");
    reload(arguments, config);
    sd_notify(0, "READY=1");
  };
  const SignalThread signal_thread(stop, on_reload);
  return mount->serve(Ops::threads(limits));
}

}  // namespace bpfdump::fsd
