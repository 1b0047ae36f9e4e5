// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <variant>

#include "fsd/arguments.h"
#include "fsd/daemon.h"
#include "loader/iterator.h"
#include "reader/pid_helper.h"

namespace {

using namespace bpfdump;

int refuse(const base::Error& error) {
  std::fprintf(stderr, "bpfdumpd: %s\n", error.message.c_str());
  return EXIT_FAILURE;
}

int run(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == reader::PidHelper::kArgument)
    reader::PidHelper::serve(loader::Iterator::open_raw);
  const auto parsed = fsd::parse_arguments(argc, argv);
  if (!parsed) return refuse(parsed.error());
  if (const auto* print = std::get_if<fsd::PrintAndExit>(&*parsed)) {
    std::fputs(print->text.c_str(), stdout);
    return EXIT_SUCCESS;
  }
  const auto& arguments = std::get<fsd::Arguments>(*parsed);
  const auto config = fsd::configure(arguments);
  if (!config) return refuse(config.error());
  if (arguments.check_config) {
    const auto checked = fsd::check_configuration(arguments, *config);
    if (!checked) return refuse(checked.error());
    std::puts(checked->c_str());
    return EXIT_SUCCESS;
  }
  const auto served = fsd::run_daemon(arguments, *config);
  return served ? EXIT_SUCCESS : refuse(served.error());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& exception) {
    return refuse({EIO, exception.what()});
  }
}
