// SPDX-License-Identifier: Apache-2.0
#include "fsd/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "fsd/version.h"

namespace bpfdump::fsd {
namespace {

// What mount(8) and fstab lines bring along and what says nothing new here.
constexpr std::array<std::string_view, 14> kIgnored = {
    "rw",     "dev",   "suid",   "exec",    "auto",     "noauto",   "user",
    "nouser", "users", "nofail", "_netdev", "defaults", "relatime", "noatime"};

class HelpFormatter : public CLI::Formatter {
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: bpfdumpd [OPTIONS] [[SOURCE] MOUNTPOINT]\n";
  }
};

base::Result<void> check_mount_options(const std::string& options) {
  std::istringstream list(options);
  for (std::string option; std::getline(list, option, ',');) {
    const bool ignored = option.empty() || option.starts_with("x-") ||
                         std::find(kIgnored.begin(), kIgnored.end(), option) != kIgnored.end();
    // These are what the mount is in any case.
    const bool granted = option == "nosuid" || option == "nodev" || option == "noexec" ||
                         option == "allow_other" || option == "default_permissions";
    if (!ignored && !granted)
      return base::fail(EINVAL, "mount option '{}' is not supported", option);
  }
  return {};
}

}  // namespace

base::Result<std::variant<Arguments, PrintAndExit>> parse_arguments(int argc,
                                                                    const char* const* argv) {
  Arguments arguments;
  std::vector<std::string> positionals;
  std::vector<std::string> mount_options;
  CLI::App app(
      "The kernel's BPF iterators as files: mounts a directory for each kind of kernel "
      "object;\nmkdir or cp creates a dumper in it, cat reads it, rm deletes it.",
      "bpfdumpd");
  app.footer(
      "Examples:\n"
      "  bpfdumpd /mnt/bpfdump\n"
      "  mkdir /mnt/bpfdump/ipv6_route/routes && cat /mnt/bpfdump/ipv6_route/routes\n"
      "  cp listeners.bpf.o /mnt/bpfdump/tcp/listeners\n"
      "  umount /mnt/bpfdump\n\n"
      "See bpfdumpd(8).");
  const auto formatter = std::make_shared<HelpFormatter>();
  formatter->column_width(34);
  app.formatter(formatter);
  app.set_version_flag("--version", "bpfdumpd " + std::string(kVersion), "Print the version");
  app.set_help_flag("-h,--help", "Print this help");
  app.add_flag("-f,--foreground", arguments.foreground,
               "Stay in the foreground, and log to stderr");
  app.add_option("--config", arguments.config,
                 "Configuration file (default " + std::string(config::kDefaultPath) + ")")
      ->type_name("FILE")
      ->take_last();
  app.add_flag("--check-config", arguments.check_config, "Check the configuration and exit");
  app.add_option("--pins", arguments.pins, "Where dumpers are pinned, in a bpffs")
      ->type_name("DIR")
      ->take_last();
  app.add_option("--state", arguments.state, "Where the daemon keeps its state")
      ->type_name("DIR")
      ->take_last();
  app.add_option("-o", mount_options, "Mount options, as mount(8) gives them")
      ->type_name("OPTIONS")
      ->allow_extra_args(false);
  app.add_option("MOUNTPOINT", positionals, "Where to mount; mount(8) puts a SOURCE before it")
      ->type_name("")
      ->option_text(" ")
      ->expected(-1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::ostringstream text;
    app.exit(success, text, text);
    return PrintAndExit{text.str()};
  } catch (const CLI::ParseError& error) {
    return base::fail(EINVAL, "{}; see 'bpfdumpd --help'", error.what());
  }
  for (const auto& options : mount_options) {
    if (auto checked = check_mount_options(options); !checked)
      return base::Failure(checked.error());
  }
  if (positionals.size() > 2)
    return base::fail(EINVAL, "{} mount points are too many; see 'bpfdumpd --help'",
                      positionals.size());
  if (!positionals.empty()) arguments.mount_point = positionals.back();
  // In the background the daemon leaves the directory that these are relative to.
  for (auto* path :
       {&arguments.config, &arguments.pins, &arguments.state, &arguments.mount_point}) {
    if (*path) *path = std::filesystem::absolute(**path);
  }
  return arguments;
}

}  // namespace bpfdump::fsd
