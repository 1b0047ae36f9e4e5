// SPDX-License-Identifier: Apache-2.0
#include "bench/mounted.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "base/unique_fd.h"
#include "bench/process.h"

namespace bpfdump::bench {
namespace {

// Waits until the daemon says that it serves, as systemd does.
base::UniqueFd listen_for_ready(const std::string& path) {
  base::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    die("bind " + path);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  return socket;
}

}  // namespace

Mounted::Mounted() {
  char directory[] = "/tmp/bpfdump-bench-XXXXXX";
  if (::mkdtemp(directory) == nullptr) die("make a directory");
  directory_ = directory;
  pins_ = fmt::format("/sys/fs/bpf/bpfdump-bench-{}", ::getpid());
  std::filesystem::create_directory(directory_ + "/mount");
  const base::UniqueFd ready = listen_for_ready(directory_ + "/ready");
  pid_ = spawn({BPFDUMP_BUILD_DIR "/bin/bpfdumpd", "-f", "--pins", pins_, "--state",
                directory_ + "/state", directory_ + "/mount"});
  char message[64];
  if (::recv(ready.get(), message, sizeof(message), 0) < 0) die("wait for bpfdumpd");
  ::unsetenv("NOTIFY_SOCKET");
}

Mounted::~Mounted() {
  ::kill(pid_, SIGTERM);
  wait_for(pid_);
  std::error_code ignored;  // what is left is in a directory of its own
  std::filesystem::remove_all(pins_, ignored);
  std::filesystem::remove_all(directory_, ignored);
}

Mounted::Dumper Mounted::at(const std::string& target, const std::string& name) const {
  return {fmt::format("{}/mount/{}/{}", directory_, target, name),
          fmt::format("{}/{}/{}", pins_, target, name)};
}

Mounted::Dumper Mounted::make(const std::string& target, const std::string& name) const {
  const Dumper dumper = at(target, name);
  if (::mkdir(dumper.file.c_str(), 0755) != 0) die("mkdir " + dumper.file);
  return dumper;
}

Mounted::Dumper Mounted::copy(const std::string& object, const std::string& target,
                              const std::string& name) const {
  const Dumper dumper = at(target, name);
  run({"cp", fmt::format(BPFDUMP_BUILD_DIR "/bench/{}.bpf.o", object), dumper.file});
  return dumper;
}

void Mounted::remove(const std::string& target, const std::string& name) const {
  const Dumper dumper = at(target, name);
  if (::unlink(dumper.file.c_str()) != 0) die("rm " + dumper.file);
}

}  // namespace bpfdump::bench
